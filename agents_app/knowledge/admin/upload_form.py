"""The form that adds documents."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from agents_app.admin.json_object_field import JSONObjectField
from agents_app.exceptions import AgentsError
from agents_app.knowledge.ingesting import Ingested, ingest
from agents_app.knowledge.models import Collection
from agents_app.knowledge.permissions import ADD, may, visible_collections
from agents_app.knowledge.reading import KINDS


class Files(forms.ClearableFileInput):
    """Several files at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """A list of files."""

    widget = Files(attrs={"accept": ",".join(sorted(KINDS))})

    def clean(self, data: Any, initial: Any = None) -> Any:
        # An empty list is what comes without a file: to be refused as one missing.
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        return [super(FilesField, self).clean(each, initial) for each in files]


class UploadForm(forms.Form):
    """Files for a collection. The name of a file is its key: the same name again is a new content of that document."""

    collection = forms.ModelChoiceField(
        Collection.objects.none(), to_field_name="name", label=gettext_lazy("Collection")
    )
    documents = FilesField(
        label=gettext_lazy("Files"),
        allow_empty_file=True,
        help_text=gettext_lazy("Text, Markdown, HTML or PDF. A file with the name of a document takes its place."),
    )
    metadata = JSONObjectField(
        label=gettext_lazy("Metadata"),
        required=False,
        help_text=gettext_lazy("A JSON object to filter by, of all these files. May be empty."),
    )

    def __init__(self, person: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        allowed = [row.pk for row in visible_collections(person) if may(person, ADD, row)]
        chosen: Any = self.fields["collection"]
        chosen.queryset = Collection.objects.filter(pk__in=allowed)

    def save(self) -> list[Ingested]:
        """What was accepted; for each file that was not the form has an error that says why."""
        done = []
        for file in self.cleaned_data["documents"]:
            try:
                done.append(
                    ingest(
                        self.cleaned_data["collection"],
                        file,
                        key=file.name,
                        mime=file.content_type or "",
                        metadata=self.cleaned_data["metadata"],
                        source="upload",
                        by=self.person,
                    )
                )
            except AgentsError as error:
                self.add_error("documents", f"{file.name}: {error.message}")
        return done
