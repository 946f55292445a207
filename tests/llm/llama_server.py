"""A llama.cpp server with a tiny LLM of random weights. Prints its address, and ends when its input is closed.

`python tests/llm/llama_server.py FOLDER`, in a process of its own: the server's threads are not Python's.
"""

import sys
from pathlib import Path

import gguf
import numpy
import xllamacpp

WIDTH, HEADS, LAYERS, FORWARD, CONTEXT = 64, 4, 2, 128, 2048
LETTERS = [f"▁{letter}" if upper else letter for upper in (True, False) for letter in "abcdefghijklmnopqrstuvwxyz"]
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
TOKENS = [*SPECIAL, *BYTES, *LETTERS]
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant: "


def write_llm(path: Path) -> None:
    """A file in the GGUF format: an architecture, a vocabulary of bytes and letters, random weights."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * len(BYTES) + [kind.NORMAL] * len(LETTERS)
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    _add_weights(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_weights(writer: gguf.GGUFWriter) -> None:
    random = numpy.random.default_rng(1)

    def add(name: str, *shape: int) -> None:
        ones = name.endswith("norm.weight")
        data = numpy.ones(shape) if ones else random.normal(0, 0.5, shape)
        if name == "output.weight":
            data[: len(SPECIAL) + len(BYTES)] = 0  # it says letters, which are text in any encoding
        writer.add_tensor(name, data.astype(numpy.float32))

    add("token_embd.weight", len(TOKENS), WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        add(f"blk.{layer}.attn_norm.weight", WIDTH)
        add(f"blk.{layer}.ffn_norm.weight", WIDTH)
        add(f"blk.{layer}.ffn_gate.weight", FORWARD, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", FORWARD, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, FORWARD)
    add("output_norm.weight", WIDTH)
    add("output.weight", len(TOKENS), WIDTH)


def main(folder: Path) -> None:
    path = folder / "tiny.gguf"
    write_llm(path)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.port = 0
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 2
    parameters.warmup = False
    parameters.use_jinja = True
    parameters.api_keys = ["llama-key"]
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
