"""Collections, documents, chunks and their vectors."""

import django.db.models.deletion
from django.db import migrations, models

import agents_app.knowledge.models.collection
import agents_app.models.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Collection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.SlugField(
                        help_text="Agents and commands call it by this name.", max_length=100, unique=True
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=200)),
                ("description", models.TextField(blank=True, help_text="Told to agents that may search in it.")),
                ("public", models.BooleanField(default=False, help_text="Everybody's run may find what is in it.")),
                (
                    "permission",
                    models.CharField(
                        blank=True, help_text="Whoever has this permission (app.name) may find it, too.", max_length=200
                    ),
                ),
                (
                    "embedder",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Whose vectors are searched. Empty: none yet, full text only.",
                        max_length=200,
                    ),
                ),
                (
                    "next_embedder",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Whose vectors are being made; it takes over when all are there.",
                        max_length=200,
                    ),
                ),
                ("embedding_error", models.TextField(blank=True, editable=False)),
                ("embedding_due_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("embedding_claim", models.PositiveIntegerField(default=0, editable=False)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "viewers",
                    agents_app.knowledge.models.collection.GroupsField(
                        help_text="Groups whose members' runs may find what is in it.", related_name="+"
                    ),
                ),
            ],
            options={
                "verbose_name": "collection",
                "verbose_name_plural": "collections",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=agents_app.models.fields.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(help_text="What it is known by: a path, an address, a row.", max_length=500)),
                ("title", models.CharField(max_length=500)),
                ("source", models.CharField(blank=True, help_text="Where it came from.", max_length=200)),
                ("mime", models.CharField(max_length=100)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("file", models.FileField(blank=True, max_length=500, upload_to="")),
                ("text", models.TextField(blank=True, help_text="The content, where it is a text and in no file.")),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("digest", models.CharField(help_text="SHA-256 of the newest content.", max_length=64)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("version", models.PositiveIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("reading", "reading"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("error", models.TextField(blank=True)),
                ("note", models.TextField(blank=True)),
                ("pages", models.PositiveIntegerField(blank=True, null=True)),
                ("pages_read", models.PositiveIntegerField(default=0)),
                ("chunk_count", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("claim_number", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("added_by_name", models.CharField(blank=True, max_length=200)),
                ("added_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField()),
                ("indexed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="documents",
                        to="agents_knowledge.collection",
                    ),
                ),
            ],
            options={
                "verbose_name": "document",
                "verbose_name_plural": "documents",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField()),
                ("number", models.PositiveIntegerField(help_text="Counts from 1 in its version.")),
                ("text", models.TextField()),
                ("heading", models.TextField(blank=True, help_text="The document's title and the headings above it.")),
                ("page", models.PositiveIntegerField(help_text="Of a PDF, from 1.", null=True)),
                ("start", models.PositiveIntegerField(help_text="Its first character, in the page or the whole text.")),
                ("end", models.PositiveIntegerField()),
                ("digest", models.CharField(help_text="SHA-256 of the text that is embedded.", max_length=64)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents_knowledge.collection"
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="agents_knowledge.document",
                    ),
                ),
            ],
            options={
                "verbose_name": "chunk",
                "verbose_name_plural": "chunks",
                "ordering": ["document", "version", "number"],
            },
        ),
        migrations.CreateModel(
            name="ChunkVector",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("embedder", models.CharField(max_length=200)),
                ("dimension", models.PositiveIntegerField()),
                ("vector", models.BinaryField(help_text="Packed little-endian float32, of length 1.")),
                (
                    "chunk",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="agents_knowledge.chunk",
                    ),
                ),
            ],
            options={
                "verbose_name": "vector",
                "verbose_name_plural": "vectors",
                "constraints": [models.UniqueConstraint(fields=("chunk", "embedder"), name="agents_k_vector")],
            },
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(
                condition=models.Q(("embedding_due_at__isnull", False)),
                fields=["embedding_due_at"],
                name="agents_k_collection_due",
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="agents_k_document_due"
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["collection", "state"], name="agents_k_document_states"),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.UniqueConstraint(fields=("collection", "key"), name="agents_k_document_key"),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["failed", "reading", "ready", "waiting"])),
                name="agents_k_document_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("version__lte", models.F("revision"))), name="agents_k_document_version"
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=models.Index(fields=["digest"], name="agents_k_chunk_digest"),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(fields=("document", "version", "number"), name="agents_k_chunk_number"),
        ),
    ]
