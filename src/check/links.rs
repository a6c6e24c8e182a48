//! Links and pictures to nothing, and manifests to show that are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use super::site::plain;
use super::{Code, FileKind, Finding, Page, Severity};
use crate::lesson::markdown::{Mark, Markdown, value_of};
use crate::lesson::{Lesson, Span};

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    let markdown = page.lesson.markdown();
    let mut fence: Option<(String, Span)> = None;
    for (event, range) in markdown.events() {
        let span = page.span(range.start, range.end);
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => link(page, &dest_url, span, findings),
            Event::Start(Tag::Image { dest_url, .. }) => image(page, &dest_url, span, findings),
            Event::Rule => mark(page, markdown.mark_at(range.start), span, findings),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split_whitespace().next().unwrap_or_default();
                fence = matches!(language, "file" | "kustomization").then(|| (language.to_owned(), span));
            }
            Event::Text(text) => {
                if let Some((_, span)) = fence.take() {
                    let path = text.lines().next().unwrap_or_default().trim();
                    let at = page.lesson.source[span.start..span.end].find(path).unwrap_or_default();
                    manifest(page, path, page.span(span.start + at, span.start + at + path.len()), findings);
                }
            }
            Event::End(TagEnd::CodeBlock) => fence = None,
            _ => {}
        }
    }
}

fn mark(page: &Page<'_>, mark: Option<&Mark>, span: Span, findings: &mut Vec<Finding>) {
    let text = page.lesson.source[span.start..].lines().next().unwrap_or_default();
    let span = page.span(span.start, span.start + text.trim_end().len());
    match mark {
        Some(Mark::Directive { name, attributes }) if name == "yaml" => {
            if let Some(file) = value_of(attributes, "file") {
                manifest(page, file, span, findings);
            }
        }
        Some(Mark::TagOpen { name, attributes } | Mark::TagWhole { name, attributes, .. }) => match name.as_str() {
            "a" | "Link" => {
                if let Some(to) = value_of(attributes, "href").or_else(|| value_of(attributes, "to")) {
                    link(page, to, span, findings);
                }
            }
            "img" => {
                // What braces hold is a program's.
                if let Some(source) = value_of(attributes, "src").filter(|source| !source.contains(['(', '{'])) {
                    image(page, source, span, findings);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

fn manifest(page: &Page<'_>, path: &str, span: Span, findings: &mut Vec<Finding>) {
    let Some(real) = page.site.manifest(path.strip_prefix("~/environment/eks-workshop/").unwrap_or(path)) else {
        return;
    };
    if page.site.files.kind(&real).is_none() {
        findings.push(page.finding(
            Code::MissingManifest,
            span,
            format!("`{path}` does not exist"),
            format!("it is looked for at {}", real.display()),
        ));
    }
}

/// What a page's address is made of.
struct Address<'a> {
    path: &'a str,
    anchor: Option<&'a str>,
}

/// Takes an address apart; `None` for those that lead to another site.
fn address(url: &str) -> Option<Address<'_>> {
    let scheme = url.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.contains(':') || url.starts_with("//") || url.is_empty() || url.contains(['{', '$']) {
        return None;
    }
    let (path, anchor) = url.split_once('#').map_or((url, None), |(path, anchor)| (path, Some(anchor)));
    Some(Address { path: path.split('?').next().unwrap_or_default(), anchor })
}

fn link(page: &Page<'_>, url: &str, span: Span, findings: &mut Vec<Finding>) {
    let Some(address) = address(url) else { return };
    let target = if address.path.is_empty() { Found::Page(page.lesson.path.clone()) } else { find(page, address.path) };
    match target {
        Found::Nothing => {
            let mut finding = page.finding(
                Code::BrokenLink,
                span,
                format!("this link leads to nothing: {url}"),
                "correct the path; `.md` files are named as they are seen from this page",
            );
            if let Some(section) = absent_section(page, address.path) {
                finding.severity = Severity::Note;
                finding.message = format!("this link leads to the section `{section}`, which is not here: {url}");
                finding.help = "if this is the whole site, correct the path".into();
            }
            findings.push(finding);
        }
        Found::Page(path) => {
            let Some(anchor) = address.anchor.filter(|anchor| !anchor.is_empty()) else { return };
            let known = if path == page.lesson.path {
                anchors(page.lesson)
            } else {
                let text = page.site.files.text(&path).unwrap_or_default();
                let Ok(lesson) = Lesson::parse(&path, text.as_bytes()) else { return };
                anchors(&lesson)
            };
            if !known.contains(anchor) {
                findings.push(page.finding(
                    Code::BrokenAnchor,
                    span,
                    format!("{} has no heading `#{anchor}`", path.file_name().unwrap_or_default().to_string_lossy()),
                    "correct the name, or give the heading that id: `## Title {#name}`",
                ));
            }
        }
        Found::File | Found::Unknown => {}
    }
}

fn image(page: &Page<'_>, url: &str, span: Span, findings: &mut Vec<Finding>) {
    let Some(address) = address(url).filter(|address| !address.path.is_empty()) else { return };
    if matches!(find(page, address.path), Found::Nothing) {
        findings.push(page.finding(
            Code::BrokenImage,
            span,
            format!("this picture does not exist: {url}"),
            "add the file, or correct the path",
        ));
    }
}

enum Found {
    Page(PathBuf),
    File,
    Nothing,
    /// It would be in a part of the site that is not here.
    Unknown,
}

/// What an address leads to. Docusaurus finds `.md` files as seen from the page's file; other addresses as a browser does, from
/// the page's own; those with a leading `/` (and `@site/`) from the site's root, where `static` is served as if it were there.
fn find(page: &Page<'_>, path: &str) -> Found {
    let mut bases: Vec<PathBuf> = Vec::new();
    let relative;
    if let Some(rest) = path.strip_prefix('/').or_else(|| path.strip_prefix("@site/")) {
        let Some(website) = &page.site.website else { return Found::Unknown };
        let is_page = path.starts_with("/docs/") && Path::new(rest).extension().is_none_or(|e| e == "md");
        let statics = website.join("static");
        if !is_page && page.site.files.kind(&statics).is_none() && !path.starts_with("@site/") {
            return Found::Unknown;
        }
        bases.push(website.clone());
        bases.push(statics);
        relative = rest;
    } else {
        bases.push(page.site.folder.clone());
        // A page that is not its folder's index may have an address of its own below the folder.
        bases.extend(page.lesson.path.file_stem().map(|stem| page.site.folder.join(stem)));
        relative = path;
    }
    for base in &bases {
        let full = plain(&base.join(relative));
        let with = |suffix: &str| {
            let mut name = full.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        let pages = [
            full.clone(),
            with(".md"),
            with(".mdx"),
            full.join("index.md"),
            full.join("index.en.md"),
            full.join("_index.md"),
            full.join("index.mdx"),
        ];
        for candidate in pages {
            if page.site.files.kind(&candidate) == Some(FileKind::File) {
                let is_page = candidate.extension().is_some_and(|extension| extension == "md");
                return if is_page { Found::Page(candidate) } else { Found::File };
            }
        }
        // A folder without an index has a page that Docusaurus makes.
        if page.site.files.kind(&full) == Some(FileKind::Folder) {
            return Found::File;
        }
    }
    Found::Nothing
}

/// The name of the address's folder directly below the site's `docs`, if there is no such folder: of a section that is not here nothing is known.
fn absent_section(page: &Page<'_>, path: &str) -> Option<String> {
    let website = page.site.website.as_ref()?;
    let base = if path.starts_with('/') { website.clone() } else { page.site.files.full(&page.site.folder) };
    let docs = website.join("docs");
    let full = plain(&base.join(path.trim_start_matches('/')));
    let inside = full.strip_prefix(&docs).ok()?;
    let section = inside.components().next()?.as_os_str();
    // A page directly below `docs` is no section.
    let deep = inside.components().count() > 1 && page.site.files.kind(&docs.join(section)).is_none();
    deep.then(|| section.to_string_lossy().into_owned())
}

/// The names that links to a page's headings can use: those that it gives, and those that Docusaurus makes of the titles.
fn anchors(lesson: &Lesson) -> BTreeSet<String> {
    let markdown: Markdown<'_> = lesson.markdown();
    let mut anchors = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading: Option<(Option<String>, String)> = None;
    for (event, range) in markdown.events() {
        match event {
            Event::Start(Tag::Heading { id, .. }) => heading = Some((id.map(|id| id.to_string()), String::new())),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((id, title)) = heading.take() else { continue };
                anchors.insert(id.unwrap_or_else(|| {
                    let slug = slug(&title);
                    let count = counts.entry(slug.clone()).or_default();
                    *count += 1;
                    if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
                }));
            }
            Event::Html(html) | Event::InlineHtml(html) => anchors.extend(ids(&html)),
            Event::Rule => {
                if let Some(Mark::TagOpen { attributes, .. } | Mark::TagWhole { attributes, .. }) =
                    markdown.mark_at(range.start)
                {
                    anchors.extend(value_of(attributes, "id").map(str::to_owned));
                }
            }
            _ => {}
        }
    }
    anchors
}

/// The `id`s and `name`s of HTML tags.
fn ids(html: &str) -> Vec<String> {
    let parts = html.split(" id=\"").skip(1).chain(html.split(" name=\"").skip(1));
    parts.filter_map(|part| Some(part.split_once('"')?.0.to_owned())).collect()
}

/// A title as github-slugger makes an id of it: lower case, without punctuation, blanks as hyphens.
fn slug(title: &str) -> String {
    title
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (title, expected) in
            [("Clean up", "clean-up"), ("What's `next`?", "whats-next"), ("A & B", "a--b"), ("EKS_1.33", "eks_133")]
        {
            assert_eq!(slug(title), expected);
        }
    }

    #[test]
    fn addresses_of_other_sites_are_not_looked_up() {
        for url in ["https://a.b/c", "mailto:a@b", "//a/b", "", "{x}/y"] {
            assert!(address(url).is_none(), "{url}");
        }
        let here = address("./a.md?x#y").unwrap();
        assert_eq!((here.path, here.anchor), ("./a.md", Some("y")));
    }
}
