#!/usr/bin/env python3
"""Writes the service models of this folder from those that botocore ships.

    python3 generate.py PATH/TO/botocore/data

A model says what the AWS CLI knows of a service: operations, the names, order and types of their members, which are
required, and how lists are paged. Documentation is left out. The facts are AWS's; botocore (Apache-2.0) carries them
as service-2.json and paginators-1.json; those of here come from the botocore inside PyPI's awscli 1.46.3.
"""
import glob
import gzip
import json
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


def compact(data, service):
    model = load(data, service, "service")
    shapes = model["shapes"]
    pages = load(data, service, "paginators").get("pagination", {})

    def folded(name):
        shape = shapes[name]
        plain = not {"min", "enum", "document", "jsonvalue"} & (shape.keys() - {"enum"})
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

    while queue:
        name = queue.pop()
        shape = shapes[name]
        entry = {"type": shape["type"]}
        for key in ("min", "flattened", "document"):
            if key in shape:
                entry[key] = shape[key]
        ref = lambda r: (need(r["shape"]) if folded(r["shape"]) == r["shape"] else None, folded(r["shape"]))[1]
        if shape["type"] == "structure":
            members = []
            for member, r in shape["members"].items():
                assert r.get("location") not in ("header", "headers", "statusCode"), (name, member)
                flags = ("r" if member in shape.get("required", []) else "") + ("i" if r.get("idempotencyToken") else "")
                row = [member, ref(r)] + ([flags] if flags else [])
                members.append(row)
            entry["members"] = members
        elif shape["type"] == "list":
            entry["member"] = ref(shape["member"])
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


if __name__ == "__main__":
    rows = [f'{json.dumps(s)}: {{\n' + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in waiters(sys.argv[1], s).items()) + "\n}"
            for s in SERVICES]
    open(__file__.rsplit("/", 1)[0] + "/waiters.json", "w").write("{\n" + ",\n".join(rows) + "\n}\n")
    for service in SERVICES:
        text = compact(sys.argv[1], service)
        json.loads(text)
        open(__file__.rsplit("/", 1)[0] + f"/{service}.json", "w").write(text)
