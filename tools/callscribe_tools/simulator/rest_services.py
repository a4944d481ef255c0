"""intelligence.twilio.com: Intelligence Services, and the operators attached to them."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal
from starlette.responses import JSONResponse, Response

from callscribe_tools.simulator.account import Account, IntelligenceService
from callscribe_tools.simulator.api_errors import bad_request, invalid, not_found, precondition_failed
from callscribe_tools.simulator.intelligence_json import INTELLIGENCE, service_json
from callscribe_tools.simulator.paging import PAGING, only, page
from callscribe_tools.simulator.rest_api import Ask, Resource
from callscribe_tools.simulator.state import State

# Twilio docs, onboarding guide, "Supported languages". That others are refused is assumed.
_LANGUAGES = frozenset(
    {"da-DK", "nl-NL", "en-AU", "en-GB", "en-US", "fr-FR", "de-DE", "it-IT"}
    | {"no-NO", "pl-PL", "pt-BR", "pt-PT", "es-MX", "es-ES", "es-US", "sv-SE"}
)


class _Update(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_pascal)
    unique_name: Annotated[str, Field(min_length=1)] = ""
    friendly_name: Annotated[str, Field(max_length=64)] = ""
    auto_transcribe: bool = False
    data_logging: bool = False
    auto_redaction: bool = False
    media_redaction: bool = False
    webhook_url: str | None = None
    # GET is documented too; what it sends is not, so that it cannot be asked for here.
    webhook_http_method: Literal["POST", "NULL"] = "POST"


class _Create(_Update):
    unique_name: Annotated[str, Field(min_length=1)]
    # "It cannot be updated once it's set."
    language_code: str = "en-US"


class ServicesApi:
    """The Intelligence Services of the simulated account."""

    def __init__(self, account: Account, state: State) -> None:
        self._account = account
        self._state = state

    def resources(self) -> list[Resource]:
        """List the paths it answers."""
        one = "/v2/Services/{sid}"
        return [
            Resource("/v2/Services", {"GET": self._list, "POST": self._create}),
            Resource(one, {"GET": self._fetch, "POST": self._update, "DELETE": self._delete}),
            Resource(f"{one}/Operators", {"GET": self._attachments}),
            Resource(f"{one}/Operators/{{operator_sid}}", {"POST": self._attach, "DELETE": self._detach}),
        ]

    def _list(self, ask: Ask) -> Response:
        only(ask.query, PAGING)
        with self._state.lock:
            items = [service_json(self._account, service) for service in self._account.services.values()]
        return JSONResponse(page("services", ask.path, ask.query, items))

    def _create(self, ask: Ask) -> Response:
        # That a new Service has no operators attached is assumed.
        wanted = replace(IntelligenceService(operator_sids=[]), **_read(_Create, ask))
        with self._state.lock:
            self._check(wanted)
            self._account.add(wanted)
            return JSONResponse(service_json(self._account, wanted), 201)

    def _fetch(self, ask: Ask) -> Response:
        with self._state.lock:
            return JSONResponse(service_json(self._account, self._service(ask)))

    def _update(self, ask: Ask) -> Response:
        given = _read(_Update, ask)
        with self._state.lock:
            service = self._service(ask)
            check_version(ask, service.version)
            self._check(replace(service, **given))
            for name, value in given.items():
                setattr(service, name, value)
            service.touch()
            return JSONResponse(service_json(self._account, service))

    def _delete(self, ask: Ask) -> Response:
        # That its transcripts stay is assumed.
        with self._state.lock:
            del self._account.services[self._service(ask).sid]
        return Response(status_code=204)

    def _attachments(self, ask: Ask) -> Response:
        with self._state.lock:
            service = self._service(ask)
            url = f"{INTELLIGENCE}/v2/Services/{service.sid}/Operators"
            sids = list(service.operator_sids)
        return JSONResponse({"service_sid": service.sid, "operator_sids": sids, "url": url})

    def _attach(self, ask: Ask) -> Response:
        operator_sid = ask.sids["operator_sid"]
        with self._state.lock:
            service = self._service(ask)
            if operator_sid not in self._account.operators:
                raise not_found(f"/v2/Operators/{operator_sid}")
            # That it raises the Service's version, and that a second time changes nothing, is assumed.
            if operator_sid not in service.operator_sids:
                service.operator_sids.append(operator_sid)
                service.touch()
        url = f"{INTELLIGENCE}/v2/Services/{service.sid}/Operators/{operator_sid}"
        return JSONResponse({"service_sid": service.sid, "operator_sid": operator_sid, "url": url}, 202)

    def _detach(self, ask: Ask) -> Response:
        with self._state.lock:
            service = self._service(ask)
            if ask.sids["operator_sid"] not in service.operator_sids:
                raise not_found(ask.path)
            service.operator_sids.remove(ask.sids["operator_sid"])
            service.touch()
        return Response(status_code=204)

    def _service(self, ask: Ask) -> IntelligenceService:
        # Its unique name is "optionally used in addition to SID".
        for service in self._account.services.values():
            if ask.sids["sid"] in {service.sid, service.unique_name}:
                return service
        raise not_found(ask.path)

    def _check(self, wanted: IntelligenceService) -> None:
        """Refuse what a Service cannot be as a whole, and what is not simulated."""
        others = [one for one in self._account.services.values() if one.sid != wanted.sid]
        if any(one.unique_name == wanted.unique_name for one in others):
            raise bad_request(f"UniqueName {wanted.unique_name} is taken")  # assumed
        if wanted.language_code not in _LANGUAGES:
            raise bad_request(f"LanguageCode is {wanted.language_code!r}, not one that can be transcribed")
        if wanted.media_redaction and not wanted.auto_redaction:
            raise bad_request("MediaRedaction needs AutoRedaction")
        if wanted.auto_redaction and wanted.language_code != "en-US":
            # "PII redaction is only available in en-US"; how it is refused is assumed.
            raise bad_request(f"AutoRedaction is not available in {wanted.language_code}")


def check_version(ask: Ask, version: int) -> None:
    """Hold an If-Match against the version of what is to be changed.

    Raises
    ------
    ApiError
        Somebody has changed it since it was read; 412 for that is *assumed*.
    """
    if ask.if_match is not None and ask.if_match.strip('"') != str(version):
        raise precondition_failed(f"{ask.path} has version {version}, not {ask.if_match}")


def _read(model: type[_Update], ask: Ask) -> dict[str, Any]:
    """Give the fields that were sent, by their names on a Service."""
    try:
        form = model.model_validate(ask.form)
    except ValidationError as error:
        raise invalid("Service", error) from error
    if form.data_logging:
        raise bad_request('DataLogging: "cannot be activated via API"')
    if form.auto_transcribe:
        raise bad_request("AutoTranscribe: not simulated, transcripts are made on request alone")
    return form.model_dump(exclude_unset=True)
