//! Nothing gets out: no program starts, no file outside of the lesson's folders is read or written.

use std::time::Duration;

use lectern::clock::{Clock, session_runtime};
use lectern::shell::Confinement;
use needs::needs;

use crate::world::{World, session};

#[test]
fn no_program_starts() {
    session(Clock::real(), async |world| {
        let marker = world.work.join("started");
        let script = world.work.join("program");
        std::fs::write(&script, format!("#!/bin/sh\necho out > {}\n", marker.display())).unwrap();
        let mut permissions = std::fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&script, permissions).unwrap();
        for start in [
            "./program",
            "$HOME/program",
            "PATH=$HOME program",
            "(PATH=$HOME; program)",
            "command -p ls /",
            "command ./program",
            "exec ./program",
            "exec -a x ./program",
            "eval ./program",
            "hash -p $HOME/program foo; foo",
            "coproc ./program; sleep 0.2",
            "./program & wait",
            "(./program)",
            "x=$(./program)",
            "cat <(./program)",
            "./program | cat",
            "echo | ./program",
            "f() { ./program; }; f",
            "(trap ./program EXIT)",
            "(trap ./program ERR; false)",
            "(trap ./program DEBUG; true)",
            "timeout 5 ./program",
            "env ./program",
            "env PATH=$HOME program",
            "bash -c ./program",
            "bash -c 'exec ./program'",
            "source /dev/stdin <<< ./program",
            "/bin/ls /",
            "PATH=/bin:/usr/bin ls /",
            "(PATH=/bin:/usr/bin; ls /)",
            "command -p ls",
            "exec ls /",
            "exec 3>&- 250>&- 250>/dev/null; ./program",
            "enable -f ./program x",
            "(alias p=./program; shopt -s expand_aliases; p)",
            "PROMPT_COMMAND=./program; BASH_ENV=./program bash -c true",
            "kill -0 $$; fc -e ./program; bind -x '\"a\":./program'; suspend",
            "mapfile -C ./program -c 1 <<< x",
            "(ls() { ./program; }; ls)",
        ] {
            let ran = world.run(start).await;
            assert!(!marker.exists(), "{start} started a program");
            assert!(!ran.out.contains("etc"), "{start}: {}", ran.out);
            assert_eq!(world.run("echo on").await.out, "on\n", "{start}");
        }
        let ran = world.run("/bin/ls /; PATH=/bin ls /; command -p ls /").await;
        assert_eq!(ran.outcome.status, 127);
        let lines: Vec<_> = ran.err.lines().collect();
        assert_eq!(
            lines,
            [
                "bash: line 1: /bin/ls: No such file or directory",
                "bash: line 1: ls: command not found",
                "bash: line 1: ls: command not found"
            ],
        );
    });
}

/// A secret beside the work folder, links that lead to it, and a readable folder of lessons.
async fn with_secret(clock: Clock) -> World {
    World::with(clock, |folder, config| {
        std::fs::write(folder.join("secret"), "top secret\n").unwrap();
        let lessons = folder.join("lessons");
        std::fs::create_dir(&lessons).unwrap();
        std::fs::write(lessons.join("page.md"), "page\n").unwrap();
        std::os::unix::fs::symlink(folder.join("secret"), lessons.join("leak")).unwrap();
        std::os::unix::fs::symlink(folder.join("secret"), config.work.join("link")).unwrap();
        std::os::unix::fs::symlink(folder, config.work.join("up")).unwrap();
        config.readable = vec![lessons];
    })
    .await
}

#[test]
fn no_tool_reads_a_file_outside() {
    let clock = Clock::real();
    session_runtime(&clock).unwrap().block_on(async {
        let world = with_secret(clock).await;
        for read in [
            "cat ../secret",
            "cat link",
            "cat up/secret",
            "cat ../lessons/leak",
            "cat ../lessons/../secret",
            "cd ..; cat secret",
            "cd /; cat etc/passwd",
            "cat /etc/passwd",
            "cat /proc/self/environ",
        ] {
            let ran = world.run(read).await;
            assert!(!ran.out.contains("top secret") && ran.out.is_empty(), "{read}: {}", ran.out);
        }
        assert_eq!(world.run("cd; cat ../lessons/page.md").await.out, "page\n");
    });
}

#[needs("landlock")]
#[test]
fn the_shell_itself_reads_and_writes_no_file_outside() {
    let clock = Clock::real();
    session_runtime(&clock).unwrap().block_on(async {
        let world = with_secret(clock).await;
        let outside = world.work.parent().unwrap().to_owned();
        assert_eq!(*world.shell.confinement(), Confinement::Full);
        for read in [
            "cat < ../secret",
            "cat < link",
            "echo \"$(< up/secret)\"",
            "source ../secret; . link",
            "mapfile -t x < ../secret; echo $x",
            "while read -r x; do echo $x; done < /etc/passwd",
            "bash ../secret; bash link",
            "exec 4< ../secret; cat <&4",
            "cat < /proc/self/environ",
            "cat < /dev/tty",
            "echo ../sec* /etc/pass*; cat < /etc/hostname",
        ] {
            let ran = world.run(read).await;
            let shown = ran.out.contains("top secret") || ran.out.contains("root:") || ran.out.contains("passwd\n");
            assert!(!shown, "{read}: {}", ran.out);
            assert!(!ran.err.contains("top: command"), "{read}: {}", ran.err);
        }
        for write in [
            "echo x > ../new",
            "echo x >> ../secret",
            "echo x > up/new",
            "echo x > link",
            "echo x > ../lessons/page.md",
            "echo x >| /tmp/lectern-escape",
            "exec 4>../new; echo x >&4",
            "echo x > /dev/tty; echo x &> /dev/urandom; echo x > /dev/shm/lectern-escape",
            "cat <> ../new",
        ] {
            let ran = world.run(write).await;
            assert!(!outside.join("new").exists(), "{write}");
            assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "top secret\n", "{write}");
            assert_eq!(std::fs::read_to_string(outside.join("lessons/page.md")).unwrap(), "page\n", "{write}");
            assert!(!std::path::Path::new("/tmp/lectern-escape").exists(), "{write}");
            assert!(!std::path::Path::new("/dev/shm/lectern-escape").exists(), "{write}");
            assert_ne!(ran.outcome.status, 0, "{write}: {ran:?}");
        }
        let ran = world.run("echo x > /dev/null; cat < /dev/null; echo in > here; cat here; echo x > /tmp/x").await;
        assert_eq!(ran.out, "in\n");
        assert_eq!(ran.err, "bash: line 1: /tmp/x: Permission denied\n");
    });
}

#[test]
fn deep_recursion_ends_with_a_message() {
    session(Clock::real(), async |world| {
        for script in [
            "f() { f; }; f",
            "f() { x=$(f); echo $?; }; f | head -1",
            "f() { eval f; }; f",
            "x='eval \"$x\"'; eval \"$x\"",
            "echo '. ./s' > s; . ./s",
            "echo 'bash s' > s; bash s",
            "echo 'x=$(bash s)' > s; bash s",
            "f() { (f); }; f",
            "f() { f | cat; }; f",
            "f() { timeout 5 bash -c 'f'; }; export -f f; f",
        ] {
            let limit = Some(Duration::from_secs(20));
            let _ = world.limited(script, limit, tokio_util::sync::CancellationToken::new(), false).await;
            assert_eq!(world.run("echo on").await.out, "on\n", "{script}");
        }
    });
}
