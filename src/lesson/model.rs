//! The words of a lesson, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A place in a page's source: byte offsets, and where they begin for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte, from 1, in characters.
    pub column: usize,
}

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The page can be used all the same.
    Warning,
    /// Something on the page does not mean what it seems to.
    Error,
}

/// What a [`Diagnostic`] is about, for who acts on it rather than reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slip {
    /// A word behind the fence's language that means nothing.
    UnknownAnnotation,
    /// An annotation whose value cannot be used, or too many of them.
    AnnotationValue,
    /// An annotation that is given twice.
    RepeatedAnnotation,
    /// Annotations of a fence without a command.
    IdleAnnotations,
    /// A fence that the page's end closes.
    UnclosedFence,
    /// A hook script that is not there.
    MissingHook,
    /// Text of a fence that no command prints.
    TextAboveCommand,
    /// A prompt and nothing behind it.
    EmptyPrompt,
    /// A line of expected output that is plainly a command.
    ForgottenPrompt,
    /// A here-document without its end.
    UnendedHereDocument,
    /// A directive that belongs to no step, or that is not understood.
    Directive,
}

/// Something to say about a page that is still usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub slip: Slip,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The YAML block at the head of a page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrontMatter {
    /// The page's title.
    pub title: String,
    /// Order among its siblings: `weight`, else `sidebar_position`, else 0.
    pub order: f64,
    /// All keys, the known ones included.
    pub keys: BTreeMap<String, serde_json::Value>,
    /// Where the block is, fences included.
    pub span: Span,
}

/// The words behind `bash` in a fence's info string, with their defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Whether the step is executed at all. Default true.
    pub test: bool,
    /// Seconds that all of the step's commands together may take. Default 120.
    pub timeout: u64,
    /// Seconds to wait after the step, behind its `after` hook. Default 0.
    pub wait: u64,
    /// Name of the hook script: `tests/hook-NAME.sh` in the page's folder.
    pub hook: Option<String>,
    /// Seconds that one hook call may take. Default 300.
    pub hook_timeout: u64,
    /// Whether a non-zero exit status is what should happen.
    pub expect_error: bool,
    /// Whether the whole fence is the script, without expected output.
    pub raw: bool,
}

impl Default for Annotations {
    fn default() -> Self {
        Self { test: true, timeout: 120, wait: 0, hook: None, hook_timeout: 300, expect_error: false, raw: false }
    }
}

/// What the page says that a command prints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expected {
    /// Nothing is said: the exit status alone decides.
    #[default]
    None,
    /// This text, without the final newline, trailing blank lines taken off.
    Text {
        /// The lines as written.
        text: String,
        /// Where they are.
        span: Span,
    },
    /// Something is said that cannot be compared: it comes from a command that is not executed.
    Unchecked {
        /// The lines as written.
        text: String,
        /// Where they are.
        span: Span,
        /// Why it is not compared.
        why: String,
    },
}

impl Expected {
    /// The lines as written, if there are any.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Text { text, .. } | Self::Unchecked { text, .. } => Some(text),
        }
    }
}

/// A `$ ` line with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The command without its prompt, continuation lines as written.
    pub text: String,
    /// From the prompt to the end of the command.
    pub span: Span,
    /// What it should print.
    pub expected: Expected,
}

/// What an author says beside the text about how an output is compared. What it means is for those who compare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directive {
    /// The words: in a page those behind `lectern:`, in `lectern.toml` one value of a list.
    pub text: String,
    /// Where the text is.
    pub span: Span,
}

/// A `bash` fence at the top level of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The whole fence.
    pub span: Span,
    /// The info string behind `bash`.
    pub annotations: Annotations,
    /// The commands, in order. A `raw` step has one.
    pub commands: Vec<Command>,
    /// What stands in `<!-- lectern: … -->` comments right above the fence, in order.
    pub directives: Vec<Directive>,
    /// The fence's content as written.
    pub source: String,
    /// Whether it is executed: `test` is not false, and there is a command.
    pub executed: bool,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// The page's path as found from what the person named.
    pub path: PathBuf,
    /// The page's text.
    pub source: Arc<str>,
    /// SHA-256 of the page's bytes, in hexadecimal.
    pub digest: String,
    /// The block at its head.
    pub front_matter: FrontMatter,
    /// Where the Markdown behind the front matter begins, in bytes.
    pub body: usize,
    /// Its steps, in order, the ones that are only shown included.
    pub steps: Vec<Step>,
    /// False in and below a folder with a file named `.notest`: no step is executed then.
    pub executable: bool,
    /// What there is to say about it.
    pub diagnostics: Vec<Diagnostic>,
}

/// A folder of a course, with its pages and folders in order.
#[derive(Debug, Clone, Default)]
pub struct CourseFolder {
    /// The folder's path as found from what the person named.
    pub path: PathBuf,
    /// The title of its index page, else its name.
    pub title: String,
    /// `tests/hook-suite.sh`, if it has one.
    pub suite: Option<PathBuf>,
    /// The pages directly in it, in order, as places in [`Course::lessons`].
    pub lessons: Vec<usize>,
    /// The folders directly in it, in order.
    pub folders: Vec<CourseFolder>,
}

/// A page, or a folder of pages, as one thing to go through.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// The folder that was named, or the folder of the page that was.
    pub root: PathBuf,
    /// The course's title.
    pub title: String,
    /// All pages in course order.
    pub lessons: Vec<Lesson>,
    /// The same as a tree. One page that was named alone is a folder with that page and without its suite.
    pub tree: CourseFolder,
}

/// Names a step of a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct StepId {
    /// Place of the lesson in [`Course::lessons`].
    pub lesson: usize,
    /// Place of the step in [`Lesson::steps`].
    pub step: usize,
}

impl Course {
    /// The step of that name, if the course has it.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.lessons.get(id.lesson)?.steps.get(id.step)
    }
}
