//! How long it takes to read the EKS Workshop's 167 pages, to make steps of them, and the tree to show.
//!
//! The pages are looked for as in `tests/corpus.rs`; without them the seed's size is stood in for by a page made here.

use std::path::PathBuf;

use lectern::lesson::{Course, Lesson};

fn main() {
    divan::main();
}

/// The pages with their bytes.
fn pages() -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(path) = oracles::find("shared/corpus/website") else {
        let text =
            "---\ntitle: x\n---\n".to_owned() + &"Some *text*:\n\n```bash wait=1\n$ a \\\n  b\nout\n```\n\n".repeat(50);
        return vec![(PathBuf::from("page.md"), text.into_bytes())];
    };
    let course = Course::open(&path).expect("the corpus parses");
    course.lessons.into_iter().map(|lesson| (lesson.path, lesson.source.as_bytes().to_vec())).collect()
}

/// Bytes in memory to lessons.
#[divan::bench]
fn parse(bencher: divan::Bencher<'_, '_>) {
    let pages = pages();
    let bytes: usize = pages.iter().map(|(_, bytes)| bytes.len()).sum();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| {
        pages
            .iter()
            .map(|(path, bytes)| Lesson::parse(path, bytes).map_or(0, |lesson| lesson.steps.len()))
            .sum::<usize>()
    });
}

/// Lessons to the tree that the screen shows.
#[divan::bench]
fn blocks(bencher: divan::Bencher<'_, '_>) {
    let lessons: Vec<Lesson> = pages().iter().filter_map(|(path, bytes)| Lesson::parse(path, bytes).ok()).collect();
    bencher.bench(|| lessons.iter().map(|lesson| lesson.blocks().len()).sum::<usize>());
}

/// Files on disk to a course in order.
#[divan::bench]
fn open_course(bencher: divan::Bencher<'_, '_>) {
    let Ok(path) = oracles::find("shared/corpus/website") else { return };
    bencher.bench(|| Course::open(&path).map_or(0, |course| course.lessons.len()));
}
