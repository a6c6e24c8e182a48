//! The same script in the real bash and here: output, errors and exit status are equal.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use lectern::clock::Clock;
use needs::needs;
use tokio_util::sync::CancellationToken;

use crate::world::session;

/// Scripts that both must do alike. `cat`, `head` and `sleep` are programs there and tools here.
const SCRIPTS: &[&str] = &[
    "echo a  b; echo -n x; echo -e 'a\\tb'; echo -E 'a\\tb'; echo -- -n",
    "echo a | cat | cat | head -1; echo ${PIPESTATUS[@]}",
    "true | false | true; echo $? ${PIPESTATUS[*]}",
    "set -o pipefail; false | true; echo $?; exit 4",
    "set -e; false; echo no",
    "set -e; false || true; if false; then :; fi; ! true; echo yes; (exit 3); echo no",
    "set -e; f() { false; echo in; }; f || echo out; f; echo no",
    "(set -u; echo ${x:-d}; echo $x; echo no) || echo failed",
    "x=5; ((x++)); echo $x $((x*2)) $((7%3)) $((2**10)); ((x==6)) && echo six; ((0)); echo $?",
    "x=hello; echo ${x/l/L} ${x//l/L} ${x#he} ${x%lo} ${x^} ${x^^} ${#x} ${x:1:3} ${x: -2}",
    "p=/a/b/c.tar.gz; echo ${p##*/} ${p%.*} ${p%%.*} ${p%/*}",
    "echo ${u:-default} ${u:=set} $u ${u:+alt}",
    "a=(1 2 '3 4'); echo ${#a[@]} \"${a[@]}\" ${a[2]} ${!a[@]}; a+=(5); echo ${a[-1]}; unset 'a[0]'; echo ${a[*]}",
    "declare -A m=([x]=1 [y]=2); echo ${m[x]} ${#m[@]}; m[z]=3; for k in x y z; do echo $k=${m[$k]}; done",
    "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; for i in {1..3}{a,b}; do echo -n $i,; done; echo",
    "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done; until [ $i = 0 ]; do i=$((i-1)); done; echo $i",
    "for ((i=0;i<3;i++)); do echo $i; done",
    "case abc in a*) echo A;; b*) echo B;; esac; case x in y|x) echo X;;& *) echo any;; esac",
    "f() { local x=1; echo $x $1 $# \"$@\"; return 3; }; x=0; f a 'b c'; echo $? $x",
    "f() { echo ${FUNCNAME[0]}; }; f; g() { shift; echo $*; }; g 1 2 3",
    "cat <<EOF\na $((1+1)) $(echo sub) \\$x\nEOF\ncat <<'EOF'\n$x `y`\nEOF\ncat <<-EOF\n\ttab\n\tEOF",
    "cat <<< 'here string'; x='a  b'; cat <<< $x; cat <<< \"$x\"",
    "echo out > f; echo more >> f; cat < f; cat f; echo err >&2; { echo o; echo e >&2; } 2>&1 | cat",
    "{ echo o; echo e >&2; } > f 2>&1; cat f; echo x &> f; cat f; echo y 2>/dev/null",
    "echo a > f; echo b > g; cat f g; cat nosuch; echo $?",
    "exec 3> f; echo three >&3; exec 3>&-; cat f; exec 4< f; read -r x <&4; echo $x",
    "nosuch; echo $?",
    "nosuch -x a | cat; echo ${PIPESTATUS[0]}",
    "\n\nnosuch\n",
    "/no/such/file; echo $?",
    "x=$(echo a; exit 3); echo $x $?; y=`echo b`; echo $y; echo \"$(echo \"$(echo nested)\")\"",
    "x=$(printf 'a\\n\\n\\n'); echo \"[$x]\"; echo $(echo a; echo b)",
    "printf '%s-%s\\n' a b c; printf '%d %05.2f %x %o %c\\n' 5 3.14159 255 8 z; printf '%b' 'x\\n'",
    "printf -v x '%03d' 7; echo $x; printf '%s\\n' \"a b\" c; printf '%%\\n'; printf '%5s|%-5s|\\n' ab cd",
    "[[ abc == a* ]] && echo glob; [[ abc =~ ^a(b)c$ ]] && echo ${BASH_REMATCH[1]}; [[ 2 -gt 1 && -z '' ]] && echo and",
    "[ -f nosuch ] || echo none; echo x > f; [ -f f ] && [ -s f ] && test -r f && echo file; [ -d . ] && echo dir",
    "[ a = a ]; echo $?; [ a = b ]; echo $?; test 1 -lt 2 -a 3 -gt 2; echo $?; [ ! -e q ]; echo $?",
    "printf 'a b\\nc\\n' | xargs; printf 'a b\\nc\\n' | xargs -n1 echo x; printf 'a b\\nc d\\n' | xargs -L 1 echo y; echo $?",
    "printf 'a b\\n  c\\n\\n' | xargs -I {} echo '<{}>' '{}-{}'; printf 'a\\0b c\\0' | xargs -0 -n 1 echo; printf 'p,q' | xargs -d , -n1 echo",
    "printf '' | xargs echo none; printf '' | xargs -r echo none; echo $?; printf \"'a b' c\\\\ d \\\"e f\\\"\\n\" | xargs -n1 echo",
    "echo a | xargs false; echo $?; echo a | xargs nosuch; echo $?; echo a | xargs -t echo; echo \"it's\" | xargs; echo $?",
    "echo a | xargs -n 0 echo; echo $?; echo a b c | xargs -n2 bash -c 'echo $# $0 $1'; echo x | xargs cat < /dev/null",
    "trap 'echo bye' EXIT; echo hi; exit 3",
    "trap 'echo err $?' ERR; false; true; echo x",
    "(x=2; echo $x; exit 5); echo $? [$x]; { y=3; }; echo $y",
    "read a b c <<< '1 2 3 4'; echo \"$a|$b|$c\"; IFS=, read x y <<< 'p,q'; echo $x-$y",
    "printf 'a\\nb\\n' | while read -r l; do echo \"<$l>\"; done; echo done",
    "printf 'é ü\\n日本\\n' | while read -r l; do echo \"<$l>\"; done",
    "printf 'a b\\n c  d \\n' | { read -r x; IFS= read -r y; echo \"[$x][$y]\"; }",
    "printf 'a\\\\b\\nc\\\\\\nd\\n' | { read x; read y; echo \"$x $y\"; }; printf 'x\\\\y\\n' | { read -r x; echo $x; }",
    "printf 'no newline' | { read -r x; echo $? $x; }; read -r x < /dev/null; echo $?",
    "printf 'a,b,c' | { IFS=, read -ra arr; echo ${#arr[@]} ${arr[1]}; }; read -d : x <<< 'p:q'; echo $x",
    "mapfile -t l < <(printf 'a\\nb\\n'); echo ${#l[@]} ${l[1]}; readarray -t m <<< 'z'; echo ${m[0]}",
    "x='a b  c'; echo $x; echo \"$x\"; for w in $x; do echo $w; done; IFS=:; y=1:2:3; echo $y",
    "echo \"tab\\there\" 'single $x' $'ansi\\tc' \"dq \\$ \\` \\\\\"",
    "touchy=1; echo > b.txt; echo > a.txt; echo *.txt; echo *.none; echo [ab].txt; set -f; echo *.txt",
    "cd /; pwd; cd - > /dev/null; cd nosuch; echo $?; pushd / > /dev/null; pwd; popd > /dev/null",
    "eval 'echo $((1+2))'; x=y; y=z; echo ${!x}; eval \"$x=w\"; echo $y",
    "export A=1; B=2 bash -c 'echo $A $B $C'; C=3; bash -c 'echo [$C]'; echo $B",
    "bash -c 'echo $0 $1 $2' name a b; bash -c 'exit 6'; echo $?; echo 'echo file $1; exit 2' > s; bash s arg; echo $?",
    "echo 'echo stdin $1' | bash -s x; bash <<< 'echo here; nosuch'; echo $?; bash nosuch.sh; echo $?",
    "bash -e -c 'false; echo no'; echo $?; bash -euo pipefail -c 'false | true; echo no'; echo $?",
    "env -i A=1 B=2 env; A=q env -u A env | head -0; env X=5 bash -c 'echo $X'; echo [$X]; env nosuch; echo $?",
    "timeout 5 echo hi; timeout 5 bash -c 'exit 3'; echo $?; timeout 0.05 sleep 5; echo $?; timeout x echo; echo $?",
    "timeout 5 nosuch; echo $?; timeout 0 echo zero",
    "sleep; sleep x; echo $?; sleep 0.01s 0; echo $?; sleep -x; echo $?",
    "type cd; type -t cd; command -v cd; f() { :; }; type -t f; type nosuch 2> f; command nosuch; echo $?",
    "shopt -s nullglob; echo *.none; shopt -s extglob; x=aab; echo ${x##+(a)}; set -- a b; echo $# $1; set --; echo $#",
    "let x=3+4; echo $x; declare -i n=5; n+=2; echo $n",
    "alias; unset x; x=1; unset x; echo [$x]; unset -f nof; echo $?",
    "if true; then echo a; elif true; then echo b; else echo c; fi; ! false; echo $?; true && false || echo c",
    "true & wait; echo $?; { sleep 0.01; echo bg; } & wait; echo fg",
    "echo | exit 3; echo $?; true | { exit 4; }; echo $?; (exit 2) | cat; echo $?",
    "f() { return 1; }; f && echo no; f; echo $?; g() { (exit 9); }; g; echo $?",
    "x=(a b); for i in \"${x[@]}\"; do echo $i; done | cat; echo ${x[@]:1}; echo ${x[@]/a/z}",
    "while read -r a b; do echo $b; done <<EOF\n1 2\n3 4\nEOF",
    "echo $RANDOM > f; [ -s f ] && echo ok; [ $SECONDS -lt 5 ] && echo s; echo ${#EPOCHSECONDS}",
    "x=1; { x=2; } | cat; echo $x; (x=3); echo $x; y=$(x=4; echo $x); echo $x $y",
    "echo a; exit; echo b",
    "false; exit",
    "exec echo last; echo no",
    "cat < nosuch; echo $?; cat < nosuch | cat; echo ok; > /; echo $?",
    "while :; do echo y; done | head -3; f() { while :; do echo z; done; }; f | head -2; echo ${PIPESTATUS[@]}",
    "for i in 1 2; do echo $i; done | while read -r x; do echo $x$x; done | cat; { echo a; exit 3; } | cat; echo ${PIPESTATUS[0]}",
    "set -o pipefail; if (exit 5) | cat; then echo a; else echo b; fi; f() { case $1 in x) echo \"it's $1\";; esac; }; f x | cat",
    "cat <(echo a) <(echo b); x=$(cat < <(echo c)); echo $x",
    "source nosuch; echo $?; echo 'v=5; return 3; v=6' > s; . ./s; echo $? $v; . ./s a",
    "getopts ab: o -a -b x; echo $o; getopts ab: o -a -b x; echo $o $OPTARG",
    "x='multi\nline'; echo \"$x\"; echo ${x@Q} ${x%%$'\\n'*}",
    "echo \"${GREETING}\" $HOME | cat > f; [ -s f ] && echo $BASH_SUBSHELL $(echo $BASH_SUBSHELL)",
    "if [[ -n $x ]]; then echo set; fi; [[ a < b ]] && echo lt; [[ -v HOME ]] && echo v; [[ ! a == b ]]; echo $?",
    "unset x; echo ${x-unset} ${x+set}; x=; echo ${x-unset} ${x+set} ${x:-empty}",
    "echo {a,b}{1,2} {1..5..2} {c..a} ~ | cat > f; read -r l < f; echo ${l% *}",
    "f() { echo $LINENO; }; echo $LINENO\necho $LINENO",
    "printf '%(%Y)T\\n' 0; printf '%(%F)T\\n' 86400",
];

#[needs("bash")]
#[test]
fn scripts_do_as_in_bash() {
    do_as_in_bash(SCRIPTS, str::to_owned);
}

/// Runs scripts in the real bash and here; what they print is compared as `seen` shows it.
#[allow(clippy::disallowed_methods, reason = "the real bash is the measure")]
pub fn do_as_in_bash(scripts: &[&str], seen: impl Fn(&str) -> String) {
    let mut differences = Vec::new();
    for script in scripts {
        session(Clock::real(), async |world| {
            let ran = world.limited(script, Some(Duration::from_secs(5)), CancellationToken::new(), false).await;
            for entry in std::fs::read_dir(&world.work).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            let bash = Command::new("bash")
                .args(["--norc", "--noprofile", "-c", script])
                .current_dir(&world.work)
                .env_clear()
                .envs([
                    ("HOME", world.work.as_os_str()),
                    ("GREETING", "hello".as_ref()),
                    ("LC_ALL", "C.UTF-8".as_ref()),
                    ("PATH", "/usr/bin:/bin".as_ref()),
                ])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let expected = (
                seen(&String::from_utf8_lossy(&bash.stdout)),
                seen(&String::from_utf8_lossy(&bash.stderr)),
                bash.status.code().or(bash.status.signal().map(|signal| 128 + signal)),
            );
            let actual = (seen(&ran.out), seen(&ran.err), Some(i32::from(ran.outcome.status)));
            if expected != actual {
                differences.push(format!("--- {script}\n  bash: {expected:?}\n  here: {actual:?}"));
            }
        });
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), scripts.len(), differences.join("\n"));
}
