"""Why something in the file cannot be, and what to do. None where it can."""

from callscribe_tools.operator.console import Resource
from callscribe_tools.operator.setup.config import CustomOperator, Service


def operator_refused(key: str, wanted: CustomOperator, resource: Resource | None) -> str | None:
    """Why an operator cannot be what it should be."""
    if resource is None:
        told = (
            f"custom_operators.{key}.sid: the account has no custom operator {wanted.sid}. Correct it, or leave it out"
        )
        return told if wanted.sid else None
    if resource.get("operator_type") != wanted.type:
        return (
            f"custom_operators.{key}.type: operator {_named(resource, 'friendly_name')} is "
            f"{resource.get('operator_type')}, and Twilio changes no type. Choose another key, and a new one is made"
        )
    return None


def service_refused(key: str, wanted: Service, resource: Resource | None, namesake: Resource | None) -> str | None:
    """Why a Service cannot be what it should be. `namesake` has the unique name that it should have."""
    if resource is None:
        if wanted.sid:
            return f"services.{key}.sid: the account has no Service {wanted.sid}. Correct it, or leave it out"
        return _namesake(key, namesake) if namesake else None
    name = _named(resource, "unique_name")
    another = "Adopt another Service" if wanted.sid else "Choose another key, and a new one is made"
    if resource.get("language_code") != wanted.language:
        return (
            f"services.{key}.language: Service {name} is {resource.get('language_code')}, and Twilio changes no "
            f"language. {another}"
        )
    if resource.get("encryption_credential_sid"):
        return f"services.{key}: Service {name} encrypts transcripts, and Callscribe cannot read them. {another}"
    if namesake and not wanted.sid and namesake["sid"] != resource["sid"]:
        return _namesake(key, namesake)
    return None


def _named(resource: Resource, name: str) -> str:
    return f"{resource[name]} ({resource['sid']})" if resource.get(name) else str(resource["sid"])


def _namesake(key: str, namesake: Resource) -> str:
    return (
        f"services.{key}: a Service that setup has not made has the unique name {namesake['unique_name']}. "
        f'Adopt it: sid = "{namesake["sid"]}" in the file; or choose another key'
    )


def number_refused(number: str, resource: Resource | None) -> str | None:
    """Why calls to a number cannot come to Callscribe."""
    if resource is None:
        return f'numbers."{number}": the account has no such number. Buy it at Twilio, or correct it in the file'
    if trunk := resource.get("trunk_sid"):
        return (
            f'numbers."{number}": it is bound to the SIP trunk {trunk}, and Twilio ignores its voice URLs. Take it off '
            "the trunk in Twilio's console"
        )
    if application := resource.get("voice_application_sid"):
        return (
            f'numbers."{number}": it is bound to the application {application}, and Twilio ignores its voice URLs. '
            "Configure it with a webhook in Twilio's console, in the place of the TwiML App"
        )
    return None
