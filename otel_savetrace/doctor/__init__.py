"""What `savetrace doctor` looks at: each module one subject, each question a list of findings.

::

    findings       what was found: a mark, a sentence, what to do
    examination    every question in order; one that breaks is a finding too
    child          runs `inside` in the app's environment, within a time
    inside/        the half that runs there: OpenTelemetry and the standard library only
    facts          what `inside` answers with
    secrets        takes out of every finding what may not be told
    terminal       the findings for a person
"""
