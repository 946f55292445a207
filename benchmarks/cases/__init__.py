"""One process per case: it prints one line of JSON. Django is set up before a case imports its models."""

import django

django.setup()
