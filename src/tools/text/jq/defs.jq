def tojson: __tojson;
def tostring: if type == "string" then . else __tojson end;
def @text: tostring;
def @json: __tojson;
def splits_plain($sep): if . == "" then "" else split($sep)[] end;
def env: $ENV;
def now: __now;
def input_filename: __input_filename;
def input_line_number: 0;
def range($from; $to; $by): __range($from; $to; $by);
def range($from; $to): __range($from; $to; 1);
def range($to): __range(0; $to; 1);
def delpaths($paths): __delpaths($paths);
def setpath($path; $new): __setpath($path; $new);
def __assign(left; $given): reduce path(left) as $p (.; __setpath($p; $given));
def __modify(left; f):
  reduce path(left) as $p ([., []];
    . as [$x, $gone] | [$x | getpath($p) | first(f)] as $new
    | if ($new | length) > 0 then [($x | __setpath($p; $new[0])), $gone] else [$x, $gone + [$p]] end)
  | .[1] as $gone | .[0] | if ($gone | length) > 0 then __delpaths($gone) else . end;
def ltrimstr($x): if type == "string" and ($x | type) == "string" and startswith($x) then .[($x | length):] else . end;
def rtrimstr($x):
  if type == "string" and ($x | type) == "string" and endswith($x) then .[:length - ($x | length)] else . end;
def del(f): . as $in | __delpaths([$in | path(f)]);
def to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}];
def from_entries:
  reduce .[] as $e ({};
    . + {($e
      | (if .key == null then (if .k != null then .k elif .name != null then .name
          elif .Name != null then .Name elif .K != null then .K else .Key end) else .key end)
      | if type == "string" then . else tojson end):
      ($e | if has("value") then .value elif has("v") then .v else .Value end)});
def with_entries(f): to_entries | map(f) | from_entries;
def join($sep):
  reduce .[] as $x (null;
    (if . == null then "" else . + $sep end)
    + ($x | if . == null then "" elif type == "boolean" or type == "number" then tojson else . end)) // "";
def leaf_paths: paths(scalars);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def GROUP_BY(f): group_by(f);
def toarray: if type == "array" then . else [.] end;
def ascii: [.] | implode;
def finites: select(isinfinite or isnan | not);
def flatten($depth):
  if $depth < 0 then error("flatten depth must not be negative") else
    reduce .[] as $x ([];
      if ($x | type) == "array" and $depth > 0 then . + ($x | flatten($depth - 1)) else . + [$x] end) end;
def flatten: flatten(1000000000);
def tostream:
  path(def r: (.[]? | r), .; r) as $p | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f):
  foreach f as $i ({x: null, e: false};
    (if .e then {x: null, e: false} else . end)
    | if ($i | length) == 2
      then .e = (($i[0] | length) == 0) | if .e then .x = $i[1] else .x |= setpath($i[0]; $i[1]) end
      else .e = (($i[0] | length) == 1) end;
    if .e then .x else empty end);
def truncate_stream(stream):
  . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; $input[0][$n:]) else empty end;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def paths(node_filter): . as $dot | paths | select(. as $p | $dot | getpath($p) | node_filter);
def halt_error: __halt_error(5);
def halt_error($status): __halt_error($status);
def halt: __halt;
def debug: __debug;
def debug(m): (m | __debug | empty), .;
def stderr: __stderr;
def input: __input;
def @csv:
  if type != "array" then error("\(type) (\(tojson)) cannot be csv-formatted, only an array can be") else
    [.[] | if type == "number" or type == "boolean" then tojson
      elif . == null then ""
      elif type == "string" then "\"" + ([splits_plain("\"")] | join("\"\"")) + "\""
      else error("\(type) (\(tojson)) is not valid in a csv row") end] | join(",") end;
def @tsv:
  if type != "array" then error("\(type) (\(tojson)) cannot be tsv-formatted, only an array can be") else
    [.[] | if type == "number" or type == "boolean" then tojson
      elif . == null then ""
      elif type == "string" then
        ([splits_plain("\\")] | join("\\\\")) | ([splits_plain("\t")] | join("\\t"))
        | ([splits_plain("\n")] | join("\\n")) | ([splits_plain("\r")] | join("\\r"))
      else error("\(type) (\(tojson)) is not valid in a tsv row") end] | join("\t") end;
