//! Archives as `tar` writes and reads them (POSIX ustar), as far as `kubectl cp` and the `tar` in its containers need them: files and
//! folders, long names in both of the usual ways.

/// How large a block is.
const BLOCK: usize = 512;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, `/` between the parts.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// The kinds of entries that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file with its content.
    File(Vec<u8>),
    /// A link to another path.
    Link(String),
}

/// Adds an entry to an archive. `mode` are its permissions, `modified` the seconds since 1970.
///
/// # Errors
/// When the path is too long for the format.
pub fn add(archive: &mut Vec<u8>, entry: &Entry, mode: u32, modified: u64) -> Result<(), String> {
    let (kind, content): (u8, &[u8]) = match &entry.kind {
        EntryKind::Folder => (b'5', &[]),
        EntryKind::File(content) => (b'0', content),
        EntryKind::Link(_) => (b'2', &[]),
    };
    let path = match entry.kind {
        EntryKind::Folder => format!("{}/", entry.path.trim_end_matches('/')),
        _ => entry.path.clone(),
    };
    let mut header = [0u8; BLOCK];
    let (prefix, name) = split(&path).ok_or_else(|| format!("{path}: the name is too long for tar"))?;
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    octal(&mut header[100..108], u64::from(mode & 0o7777));
    octal(&mut header[108..116], 0);
    octal(&mut header[116..124], 0);
    octal(&mut header[124..136], content.len() as u64);
    octal(&mut header[136..148], modified);
    header[156] = kind;
    if let EntryKind::Link(target) = &entry.kind {
        let target = target.as_bytes();
        let length = target.len().min(100);
        header[157..157 + length].copy_from_slice(&target[..length]);
    }
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let digits = format!("{sum:06o}\0 ");
    header[148..156].copy_from_slice(digits.as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().div_ceil(BLOCK) * BLOCK, 0);
    Ok(())
}

/// Ends an archive.
pub fn finish(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 2 * BLOCK, 0);
}

/// The two parts that a long path is kept in.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let digits = format!("{value:0width$o}");
    let digits = &digits.as_bytes()[digits.len().saturating_sub(width)..];
    field[..width].copy_from_slice(digits);
}

/// The entries of an archive.
///
/// # Errors
/// When it is none, or ends early.
pub fn read(archive: &[u8]) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut at = 0;
    let mut long: Option<String> = None;
    while let Some(header) = archive.get(at..at + BLOCK) {
        at += BLOCK;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        let text = |field: &[u8]| {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let size = text(&header[124..136]);
        let size = usize::from_str_radix(size.trim(), 8).map_err(|_| "archive/tar: invalid tar header".to_owned())?;
        let content = archive.get(at..at.saturating_add(size)).ok_or("unexpected EOF")?;
        at += size.div_ceil(BLOCK) * BLOCK;
        let is_posix = &header[257..262] == b"ustar" && header[262] == 0;
        let prefix = if is_posix { text(&header[345..500]) } else { String::new() };
        let name = text(&header[..100]);
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = match header[156] {
            b'0' | 0 if !name.ends_with('/') => EntryKind::File(content.to_vec()),
            b'0' | 0 | b'5' => EntryKind::Folder,
            b'1' | b'2' => EntryKind::Link(text(&header[157..257])),
            // The name of the next entry, as GNU tar and as POSIX keep it.
            b'L' => {
                long = Some(text(content));
                continue;
            }
            b'x' => {
                long = path_of(content).or(long);
                continue;
            }
            _ => continue,
        };
        entries.push(Entry { path: long.take().unwrap_or(name), kind });
    }
    if at == 0 || !archive.is_empty() && entries.is_empty() { Err("unexpected EOF".into()) } else { Ok(entries) }
}

/// The path in an extended header: lines of `LENGTH key=value`.
fn path_of(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    text.lines().find_map(|line| line.split_once(' ')?.1.strip_prefix("path=").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let deep = format!("{}/{}", "folder".repeat(20), "file".repeat(10));
        let entries = [
            Entry { path: "a".into(), kind: EntryKind::Folder },
            Entry { path: "a/b.txt".into(), kind: EntryKind::File(b"hello".to_vec()) },
            Entry { path: deep, kind: EntryKind::File(vec![7; 1000]) },
            Entry { path: "l".into(), kind: EntryKind::Link("a/b.txt".into()) },
        ];
        let mut archive = Vec::new();
        for entry in &entries {
            add(&mut archive, entry, 0o644, 1).unwrap();
        }
        finish(&mut archive);
        assert_eq!(archive.len() % BLOCK, 0);
        let mut read = read(&archive).unwrap();
        assert_eq!(read[0].path, "a/");
        read[0].path = "a".into();
        assert_eq!(read, entries);
    }

    #[test]
    fn a_cut_archive_is_told() {
        let mut archive = Vec::new();
        add(&mut archive, &Entry { path: "a".into(), kind: EntryKind::File(vec![1; 600]) }, 0o644, 0).unwrap();
        assert!(read(&archive[..700]).is_err());
        assert!(read(b"text that is no archive").is_err());
    }
}
