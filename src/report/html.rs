//! A grading as one HTML file that loads nothing from elsewhere: to read in light and dark, and to print.

use std::fmt::Write;

use super::GradeReport;
use super::human::words;
use crate::compare::Outcome;
use crate::session::{CommandReport, LessonReport, StepReport, Verdict, first_line, plain};

const STYLE: &str = include_str!("../../assets/report/style.css");

/// The report as a page.
pub fn html(report: &GradeReport) -> String {
    let summary = report.summary;
    let title = match report.right() {
        true => "All steps passed".to_owned(),
        false => format!("{} of {} steps passed", summary.passed, summary.steps),
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>lectern: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    let _ = writeln!(
        out,
        "<p>{}, {}: <b class=\"passed\">{} passed</b>, <b class=\"failed\">{} failed</b>, <b class=\"skipped\">{} skipped</b></p>",
        count(summary.lessons, "page"),
        count(summary.steps, "step"),
        summary.passed,
        summary.failed,
        summary.skipped
    );
    out.push_str("</header>\n<main>\n<table class=\"pages\">\n<thead><tr><th>Page</th><th>Verdict</th><th>Steps</th><th>Time</th></tr></thead>\n<tbody>\n");
    for (number, lesson) in report.lessons.iter().enumerate() {
        let passed = lesson.steps.iter().filter(|step| step.verdict == Verdict::Passed).count();
        let ms = lesson.steps.iter().map(|step| step.ms).sum();
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#page-{number}\">{}</a></td><td>{}</td><td>{passed}/{}</td><td>{}</td></tr>",
            text(&lesson.title),
            sign(lesson.verdict),
            lesson.steps.len(),
            seconds(ms)
        );
    }
    out.push_str("</tbody>\n</table>\n");
    for (number, lesson) in report.lessons.iter().enumerate() {
        page(&mut out, number, lesson);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Text with nothing in it that is markup, or that would move a terminal's cursor.
fn text(raw: &str) -> String {
    plain(raw.as_bytes()).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "<b class=\"passed\">✓ passed</b>",
        Verdict::Failed => "<b class=\"failed\">✗ failed</b>",
        Verdict::Skipped => "<b class=\"skipped\">– skipped</b>",
    }
}

fn page(out: &mut String, number: usize, lesson: &LessonReport) {
    let _ = writeln!(
        out,
        "<section id=\"page-{number}\">\n<h2>{} {}</h2>\n<p class=\"path\">{} <span title=\"SHA-256 of the page\">sha256 {}</span></p>",
        text(&lesson.title),
        sign(lesson.verdict),
        text(&lesson.path),
        text(&lesson.digest)
    );
    for step in &lesson.steps {
        self::step(out, step);
    }
    out.push_str("</section>\n");
}

fn step(out: &mut String, step: &StepReport) {
    let command = step.commands.first().map_or("", |command| command.command.as_str());
    let open = if step.verdict == Verdict::Failed { " open" } else { "" };
    let cause = step.cause.map_or(String::new(), |cause| format!(": {}", words(cause)));
    let wait = if step.wait_s > 0 { format!(" and {} s wait", step.wait_s) } else { String::new() };
    let time = match step.verdict {
        Verdict::Skipped => String::new(),
        _ => format!(" <span class=\"time\">{}{wait}</span>", seconds(step.ms)),
    };
    let _ = writeln!(
        out,
        "<details{open}>\n<summary>{}{cause} <span class=\"line\">line {}</span> <code>{}</code>{time}</summary>",
        sign(step.verdict),
        step.line,
        text(&first_line(command))
    );
    if let Some(advice) = &step.advice {
        let _ = writeln!(out, "<p class=\"why\">{}</p>", text(&advice.why));
    }
    for hook in step.hooks.iter().filter(|hook| hook.phase.as_str() == "before") {
        self::hook(out, hook);
    }
    for one in &step.commands {
        self::command(out, one);
    }
    for hook in step.hooks.iter().filter(|hook| hook.phase.as_str() != "before") {
        self::hook(out, hook);
    }
    if let Some(advice) = &step.advice {
        for next in &advice.next {
            let _ = writeln!(out, "<p>{}</p>", text(next));
        }
        if !advice.look.is_empty() {
            let commands: Vec<String> = advice.look.iter().map(|command| format!("$ {}", text(command))).collect();
            let _ = writeln!(out, "<p>To look further:</p>\n<pre>{}</pre>", commands.join("\n"));
        }
    }
    out.push_str("</details>\n");
}

fn hook(out: &mut String, hook: &crate::session::HookReport) {
    let _ = writeln!(
        out,
        "<p>Hook {} {}: exit status {}</p>\n<pre>{}</pre>",
        text(&hook.name),
        hook.phase.as_str(),
        hook.exit_status,
        text(&hook.output)
    );
}

fn command(out: &mut String, command: &CommandReport) {
    let _ = writeln!(out, "<pre class=\"command\">$ {}</pre>", text(&command.command));
    for (class, printed) in [("stdout", &command.stdout), ("stderr", &command.stderr)] {
        if !printed.is_empty() {
            let _ = writeln!(out, "<pre class=\"{class}\">{}</pre>", text(printed));
        }
    }
    let _ = writeln!(out, "<p>Exit status {}</p>", command.exit_status);
    let comparison = &command.comparison;
    match comparison.verdict {
        Outcome::Match if comparison.accepted.is_empty() => out.push_str("<p>The output is what the page shows.</p>\n"),
        Outcome::Match => out.push_str("<p>The output matches.</p>\n"),
        Outcome::Unchecked => out.push_str("<p>The output is not compared.</p>\n"),
        Outcome::Mismatch => {
            out.push_str("<table class=\"rejected\">\n<thead><tr><th>Where</th><th>Expected</th><th>Printed</th><th>Why</th></tr></thead>\n<tbody>\n");
            let cell = |printed: &str| match printed.is_empty() {
                true => "<span class=\"line\">nothing</span>".to_owned(),
                false => format!("<code>{}</code>", text(printed)),
            };
            for one in &comparison.rejected {
                let _ = writeln!(
                    out,
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    text(&one.place),
                    cell(&one.expected),
                    cell(&one.actual),
                    text(&one.reason)
                );
            }
            out.push_str("</tbody>\n</table>\n");
            if let Some(expected) = &command.expected {
                let _ = writeln!(
                    out,
                    "<details><summary>What the page shows</summary>\n<pre>{}</pre></details>",
                    text(expected)
                );
            }
        }
    }
    if !comparison.accepted.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} accepted</summary>\n<table><tbody>",
            count(comparison.accepted.len(), "difference")
        );
        for one in &comparison.accepted {
            let _ = writeln!(
                out,
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
                text(&one.expected),
                text(&one.actual),
                text(&one.reason)
            );
        }
        out.push_str("</tbody></table></details>\n");
    }
    if !command.calls.is_empty() {
        let _ = writeln!(out, "<details><summary>{}</summary>\n<table><tbody>", count(command.calls.len(), "call"));
        for call in &command.calls {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} ms</td></tr>",
                text(&call.service),
                text(&call.operation),
                call.status,
                call.ms
            );
        }
        out.push_str("</tbody></table></details>\n");
    }
}

fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}
