"""`callscribe setup`: what callscribe.toml says, at Twilio and in the settings.

`config` reads the file, `looking` what there is, `planning` says what differs, `applying` does it and nothing else.
`ownership` is written down before anything is made, so that one that is killed anywhere may be begun again.
"""
