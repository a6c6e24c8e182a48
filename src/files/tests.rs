//! Each kind of place that a file can be written to.

use std::os::unix::fs::symlink;

use super::*;

fn text(text: &'static str) -> impl FnOnce(&mut dyn Write) -> io::Result<()> {
    move |out| out.write_all(text.as_bytes())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The mode that the system gives to a file of everybody's.
fn usual(folder: &Path) -> u32 {
    let path = folder.join("usual");
    fs::write(&path, "").unwrap();
    let mode = mode(&path);
    fs::remove_file(path).unwrap();
    mode
}

#[test]
fn a_new_file_has_the_usual_mode_or_is_private_and_one_that_is_there_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write(&path, Access::Shared, text("one")).unwrap();
    assert_eq!(mode(&path), usual(folder.path()));
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    write(&path, Access::Private, text("two")).unwrap();
    assert_eq!((mode(&path), fs::read_to_string(&path).unwrap()), (0o640, "two".to_owned()));
    let private = folder.path().join("b");
    write(&private, Access::Private, text("x")).unwrap();
    assert_eq!(mode(&private), 0o600);
    assert_eq!(names(folder.path()), ["a", "b"]);
}

#[test]
fn what_cannot_be_written_whole_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write(&path, Access::Shared, text("one")).unwrap();
    let broken = write(&path, Access::Shared, |out| {
        out.write_all(b"tw")?;
        Err(io::Error::other("broke off"))
    });
    assert_eq!(broken.unwrap_err().to_string(), "broke off");
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn a_symbolic_link_stays_one_and_what_it_points_to_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("there")).unwrap();
    fs::write(at("there/file"), "old").unwrap();
    symlink("there/file", at("second")).unwrap();
    symlink("second", at("first")).unwrap();
    write(&at("first"), Access::Shared, text("new")).unwrap();
    assert_eq!(fs::read_to_string(at("there/file")).unwrap(), "new");
    assert!(fs::symlink_metadata(at("first")).unwrap().is_symlink());
    // One that leads to nothing yet makes it.
    symlink("there/made", at("dangling")).unwrap();
    write(&at("dangling"), Access::Shared, text("made")).unwrap();
    assert_eq!(fs::read_to_string(at("there/made")).unwrap(), "made");
    symlink("circle", at("circle")).unwrap();
    assert!(Output::open(&at("circle"), Access::Shared).is_err());
}

#[test]
fn opening_says_what_cannot_be_written_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("old"), "old").unwrap();
    let open = |path: &Path| Output::open(path, Access::Shared);
    drop(open(&at("old")).unwrap());
    drop(open(&at("new")).unwrap());
    assert_eq!(names(folder.path()), ["old"]);
    assert_eq!(fs::read_to_string(at("old")).unwrap(), "old");
    assert_eq!(open(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(open(&at("missing/x")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(open(&at("old/x")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    assert!(open(Path::new("/proc/x")).is_err(), "no file can be made there");
}

#[test]
fn one_file_is_known_by_any_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink("a", at("link")).unwrap();
    let open = |path: &Path| Output::open(path, Access::Shared).unwrap();
    let (a, link, b) = (open(&at("a")), open(&at("link")), open(&at("b")));
    assert!(a.is_same(&link) && !a.is_same(&b));
    fs::write(at("a"), "").unwrap();
    assert!(a.is_at(&at("link")) && !a.is_at(&at("b")));
    // Devices may be written to by everybody.
    assert!(!open(Path::new("/dev/null")).is_same(&open(Path::new("/dev/null"))));
}

#[test]
fn what_is_no_plain_file_is_written_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    write(&pipe, Access::Shared, text("through")).unwrap();
    assert_eq!(reader.join().unwrap(), "through");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    // What a process has open is written to there, though it is a plain file.
    let path = folder.path().join("open");
    fs::write(&path, "before ").unwrap();
    let file = File::options().append(true).open(&path).unwrap();
    let inode = file.metadata().unwrap().ino();
    let by_number = PathBuf::from(format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
    write(&by_number, Access::Shared, text("behind")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before behind");
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    // A full device says so.
    let full = write(Path::new("/dev/full"), Access::Shared, text("x")).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
}
