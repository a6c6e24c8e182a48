# An editor: shows the comments of the file, and changes it by what `sed` is given, unless it is there a second time.
file="${@: -1}"
grep '^#' "$file"
grep -q '^#.*\(not valid\|syntax error\)' "$file" || sed -i "${@:1:$#-1}" "$file"
