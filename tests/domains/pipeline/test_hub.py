"""The public folder is a data set of the Hugging Face hub: its card's own lines load it, without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pandas as pd

from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Table
from tests.domains.pipeline.releases import bundle, corpus

WITHOUT_NETWORK = """
import json, socket, sys
def refuse(*_):
    raise AssertionError("something asked for the network")
socket.socket.connect = socket.getaddrinfo = refuse
names = {}
for block in json.loads(sys.argv[1]):
    exec(block, names)
from pathlib import Path
from datasets import load_dataset
loaded = load_dataset(str(Path.cwd()))
found = {name: names[name].to_dict() for name in ("encounters", "wards")}
found["default"] = {split: loaded[split].num_rows for split in loaded}
print(json.dumps(found))
"""


def two_tables() -> Corpus:
    wards = Table(name="wards", columns=(Column(name="ward", kind="categorical"), Column(name="beds", kind="integer")))
    one = corpus()
    frame = pd.DataFrame({"ward": pd.array(["a", "b"], dtype="str"), "beds": pd.array([3, None], dtype="Int64")})
    return Corpus(
        replace(one.schema, tables=(*one.schema.tables, wards)),
        {"encounters": one.tables["encounters"], "wards": frame},
    )


def test_load_dataset_gives_every_table_from_the_folder_alone(tmp_path):
    public = bundle(tmp_path / "b", data=two_tables()) / "public"
    card = (public / "README.md").read_text()
    blocks = [block for block in re.findall(r"```python\n(.*?)```", card, re.DOTALL) if "load_dataset" in block]
    assert len(blocks) == 2
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, json.dumps(blocks)],
        cwd=public,
        env={**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["encounters"]["days"] == list(range(20))
    assert found["encounters"]["a1c"] == ["None", None] * 10
    assert found["wards"] == {"ward": ["a", "b"], "beds": [3, None]}
    assert found["default"] == {"train": 20}
