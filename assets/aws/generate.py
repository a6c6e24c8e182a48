#!/usr/bin/env python3
"""Writes the service models of this folder from those that botocore ships, and the tables of the SDK's calls under
src/tools/aws/operations from the sources of the SDK's crates. What the SDK does not have is left out of the models. services.txt
are the services of the AWS CLI, as `aws nonesuch` lists them.

    python3 generate.py PATH/TO/botocore/data PATH/TO/CRATES

PATH/TO/CRATES is the folder that holds aws-sdk-eks-VERSION and the others, as cargo's registry does.

A model says what the AWS CLI knows of a service: operations, the names, order and types of their members, which are
required, and how lists are paged. Documentation is left out. The facts are AWS's; botocore (Apache-2.0) carries them
as service-2.json and paginators-1.json; those of here come from the botocore 1.44.8 of PyPI.
"""
import glob
import gzip
import json
import os
import re
import sys

SERVICES = ("eks", "iam", "sts")
SCALARS = {"string", "integer", "long", "boolean", "timestamp", "double", "float", "blob"}


def load(data, service, name):
    found = sorted(glob.glob(f"{data}/{service}/*/{name}-*.json*"))
    found = [f for f in found if re.search(name + r"-\d+\.json(\.gz)?$", f)]
    if not found:
        return {}
    return json.load(gzip.open(found[-1]) if found[-1].endswith("gz") else open(found[-1]))


def compact(data, service, called):
    model = load(data, service, "service")
    shapes = model["shapes"]
    pages = load(data, service, "paginators").get("pagination", {})

    def folded(name):
        shape = shapes[name]
        plain = not {"min", "enum", "document", "jsonvalue"} & shape.keys()
        keep_name = name == "policyDocumentType"
        return shape["type"] if shape["type"] in SCALARS and plain and not keep_name else name

    out, queue, seen = {}, [], set()

    def need(name):
        if name in seen:
            return
        seen.add(name)
        queue.append(name)

    operations = {}
    for name, operation in model["operations"].items():
        if name not in called:
            continue
        entry = {}
        for key in ("input", "output"):
            if key in operation:
                entry[key] = operation[key]["shape"]
                need(operation[key]["shape"])
        if operation.get("output", {}).get("resultWrapper"):
            entry["wrapper"] = operation["output"]["resultWrapper"]
        if "http" in operation and operation["http"]["method"] != "GET" and not re.match("List|Get|Describe|Simulate|Decode", name):
            entry["mutating"] = True
        if name in pages:
            page = pages[name]
            as_list = lambda v: v if isinstance(v, list) else [v]
            entry["page"] = {"input": as_list(page["input_token"]), "output": as_list(page["output_token"]),
                             "result": as_list(page["result_key"])}
            for key in ("limit_key", "more_results"):
                if key in page:
                    entry["page"][key] = page[key]
            if "non_aggregate_keys" in page:
                entry["page"]["rest"] = page["non_aggregate_keys"]
        operations[name] = entry

    # What goes in has the members that the SDK can set.
    settable = {operation["input"]["shape"]: called[name][1] for name, operation in model["operations"].items()
                if name in called and "input" in operation}
    settable = {shape: {setter[4:].replace("_", "") for setter in setters} for shape, setters in settable.items()}
    while queue:
        name = queue.pop()
        shape = shapes[name]
        entry = {"type": shape["type"]}
        for key in ("min", "flattened", "document", "enum"):
            if key in shape:
                entry[key] = shape[key]
        ref = lambda r: (need(r["shape"]) if folded(r["shape"]) == r["shape"] else None, folded(r["shape"]))[1]
        if shape["type"] == "structure":
            members = []
            for member, r in shape["members"].items():
                if name in settable and member.lower() not in settable[name]:
                    continue
                assert r.get("location") not in ("header", "headers", "statusCode"), (name, member)
                flags = ("r" if member in shape.get("required", []) else "") + ("i" if r.get("idempotencyToken") else "")
                row = [member, ref(r)] + ([flags] if flags else [])
                members.append(row)
            entry["members"] = members
        elif shape["type"] == "list":
            entry["member"] = ref(shape["member"])
            if entry["member"] != shape["member"]["shape"]:
                entry["called"] = shape["member"]["shape"]
        elif shape["type"] == "map":
            entry["key"], entry["value"] = ref(shape["key"]), ref(shape["value"])
        out[name] = entry
    row = lambda d: ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in sorted(d.items()))
    return (f'{{\n"service": "{service}", "protocol": "{model["metadata"]["protocol"]}",\n'
            f'"operations": {{\n{row(operations)}\n}},\n"shapes": {{\n{row(out)}\n}}\n}}\n')


def waiters(data, service):
    """What `aws SERVICE wait` waits for, as botocore has it: operation, seconds between attempts, attempts, acceptors."""
    found = load(data, service, "waiters").get("waiters", {})
    return {name: {"operation": one["operation"], "delay": one["delay"], "attempts": one["maxAttempts"],
                   "acceptors": [{key: a[key] for key in ("state", "matcher", "argument", "expected") if key in a}
                                 for a in one["acceptors"]]}
            for name, one in sorted(found.items())}


SETTER = re.compile(r"pub fn (set_\w+)\(\s*mut self,\s*input: ::std::option::Option<([^()]*)>,?\s*\) -> Self")


def sources(crates, service):
    """The source folder of the newest version of a service's crate."""
    version = lambda path: [int(n) for n in re.search(r"-(\d+)\.(\d+)\.(\d+)$", path).groups()]
    return max(glob.glob(f"{crates}/aws-sdk-{service}-*"), key=version) + "/src"


def calls(crates, service):
    """The SDK's operations: their methods and setters; and the types that occur in their inputs."""
    found, queue = {}, []
    for path in sorted(glob.glob(f"{sources(crates, service)}/operation/*/builders.rs")):
        text = open(path).read()
        name = re.search(r"Fluent builder constructing a request to `(\w+)`", text).group(1)
        setters = SETTER.findall(text)
        found[name] = (path.split("/")[-2], [setter for setter, _ in setters])
        queue += [one for _, kind in setters for one in re.findall(r"crate::types::(\w+)", kind)]
    return found, queue


def table(crates, service):
    """The Rust table of a service's calls."""
    found, queue = calls(crates, service)
    files = {}
    for path in glob.glob(f"{sources(crates, service)}/types/_*.rs"):
        text = open(path).read()
        for kind, name in re.findall(r"^pub (struct|enum) (\w+)", text, re.M):
            files.setdefault(name, (kind, text))
    enumerations, structures, unions = [], {}, {}
    seen = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        kind, text = files[name]
        if kind == "struct":
            setters = SETTER.findall(text)
            structures[name] = [setter for setter, _ in setters]
            queue += [one for _, kind in setters for one in re.findall(r"crate::types::(\w+)", kind)]
        elif f"impl ::std::convert::From<&str> for {name}" in text:
            enumerations.append(name)
        else:
            body = text[text.index(f"pub enum {name}"):]
            variants = re.findall(r"^    (\w+)\((.*)\),$", body[:body.index("\n}")], re.M)
            unions[name] = [variant for variant, _ in variants]
            queue += [one for _, kind in variants for one in re.findall(r"crate::types::(\w+)", kind)]
    lines = [f"//! {service.upper()}'s calls. Written by assets/aws/generate.py from the sources of the SDK.", "",
             f"use aws_sdk_{service}::types;", "", "use super::*;", ""]
    if enumerations:
        lines += ["enumerations! {"] + [f"    types::{name}," for name in sorted(enumerations)] + ["}", ""]
    lines += ["structures! {"] + [f"    types::{name} {{ {', '.join(s)} }};" for name, s in sorted(structures.items())] + ["}", ""]
    if unions:
        lines += ["unions! {"] + [f"    types::{name} {{ {', '.join(v)} }};" for name, v in sorted(unions.items())] + ["}", ""]
    lines += [f"operations! {{ {service} {{"]
    lines += [f'    "{name}" => {method}({", ".join(s)}),' for name, (method, s) in sorted(found.items())]
    return "\n".join(lines + ["}}", ""])


if __name__ == "__main__":
    data, crates = sys.argv[1:3]
    here = os.path.dirname(os.path.abspath(__file__))
    rows = [f'{json.dumps(s)}: {{\n' + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in waiters(data, s).items()) + "\n}"
            for s in SERVICES]
    open(f"{here}/waiters.json", "w").write("{\n" + ",\n".join(rows) + "\n}\n")
    for service in SERVICES:
        text = compact(data, service, calls(crates, service)[0])
        json.loads(text)
        open(f"{here}/{service}.json", "w").write(text)
        open(f"{here}/../../src/tools/aws/operations/{service}.rs", "w").write(table(crates, service))
