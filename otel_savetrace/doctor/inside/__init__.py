"""The half of the doctor that runs in the app's environment, as a child process.

It is run as ``python -m otel_savetrace.doctor.inside OUTPUT PART...``, with or without
opentelemetry-instrument before it, and writes JSON to OUTPUT after each part: where a later part hangs and
the process is ended, the earlier ones are known. OpenTelemetry and the standard library only.
"""
