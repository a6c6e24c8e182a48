#!/usr/bin/env python3
"""Writes descriptions.txt.gz of this folder: what Kubernetes' API says of its types and their fields.

    python3 describe.py PATH/TO/k8s-openapi/src/v1_36 ../../src/sandbox/cluster/api/schema/types.txt

The texts are those of Kubernetes' OpenAPI document (Apache-2.0), as the crate k8s-openapi carries them in its doc
comments. Only the types of types.txt are taken. Each type is a line `TYPE<tab>TEXT`, followed by a line
` FIELD<tab>TEXT` for each field; a line's end within a text is written `\\n`.
"""
import glob
import gzip
import re
import sys


def known(path):
    types, current = {}, None
    for line in open(path):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith(" "):
            types[current].append(line.split()[0])
        else:
            current = line
            types[current] = []
    return types


def short(definition):
    """`io.k8s.api.core.v1.PodSpec` as types.txt names it: `core.v1.PodSpec`."""
    return re.sub(r"^io\.k8s\.(api|apimachinery\.pkg|apiextensions-apiserver\.pkg\.apis|kube-aggregator\.pkg\.apis)\.(apis\.)?", "", definition)


def texts(source):
    """The doc comments of a file: of its type, and of the fields."""
    own, fields, pending, inside = "", {}, [], False
    for line in source.splitlines():
        line = line.strip()
        if line.startswith("///"):
            # What rustdoc would take for its own notation is escaped there.
            text = re.sub(r"\\([<>\[\]_*`])", r"\1", line[3:].removeprefix(" "))
            if text.strip() not in ("```text", "```"):
                pending.append(text)
            continue
        if line.startswith("#["):
            continue
        text = "\n".join(pending).strip()
        pending = []
        if re.match(r"pub (struct|enum) \w+", line):
            if own:
                break
            own, inside = text, True
        elif inside and (field := re.match(r"pub ([\w#]+):", line)):
            fields[field.group(1)] = text
        elif inside and line == "}":
            break
    return own, fields


def main(folder, table):
    types = known(table)
    found = {}
    for path in glob.glob(f"{folder}/**/*.rs", recursive=True):
        source = open(path).read()
        definition = re.match(r"// Generated from definition (\S+)", source)
        if definition and short(definition.group(1)) in types:
            found[short(definition.group(1))] = texts(source)
    lines = []
    for name in sorted(types):
        own, fields = found.get(name, ("", {}))
        by_name = {re.sub(r"[_#]", "", field.removeprefix("r#")).lower(): text for field, text in fields.items()}
        # The two that every kind has are not fields of its struct.
        if {"apiVersion", "kind"} <= set(types[name]):
            by_name.setdefault("apiversion", API_VERSION)
            by_name.setdefault("kind", KIND)
        escape = lambda text: text.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{name}\t{escape(own)}")
        for field in types[name]:
            text = by_name.get(re.sub(r"[^a-z0-9]", "", field.lower()).removeprefix("x-"), "")
            if text:
                lines.append(f" {field}\t{escape(text)}")
    data = ("\n".join(lines) + "\n").encode()
    with open("descriptions.txt.gz", "wb") as file:
        file.write(gzip.compress(data, 9, mtime=0))
    missing = [name for name in types if name not in found]
    print(f"{len(types)} types, {len(data)} bytes; without texts: {missing}")


API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    "schemas to the latest internal value, and may reject unrecognized values. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources"
)
KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    "endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"
)

main(*sys.argv[1:3])
