//! A plan for people.

use std::fmt::Write;

use super::{Plan, StepCall};
use crate::session::{first_line, plain};

/// The whole plan.
pub fn human(plan: &Plan) -> String {
    let mut out = String::new();
    let (mut calls, mut changes) = (0, 0);
    for lesson in &plan.lessons {
        let _ = writeln!(out, "{} ({})", plain(lesson.title.as_bytes()), plain(lesson.path.as_bytes()));
        for step in &lesson.steps {
            let _ = writeln!(out, "  line {}", step.line);
            let mut command = None;
            for call in step.calls.iter().filter(|call| !is_discovery(call)) {
                if command != Some((&call.command, call.hook)) {
                    command = Some((&call.command, call.hook));
                    let hook = if call.hook { "hook: " } else { "" };
                    let _ = writeln!(out, "    {hook}$ {}", first_line(&call.command));
                }
                let _ = writeln!(out, "      {}", line(call));
                calls += 1;
                changes += usize::from(call.call.changes);
            }
            if step.calls.is_empty() {
                let _ = writeln!(out, "    calls nothing");
            }
        }
    }
    let _ = writeln!(out, "{calls} calls, {changes} of them change something");
    out
}

/// What every command that asks the cluster asks first.
fn is_discovery(call: &StepCall) -> bool {
    matches!(call.call.operation.as_str(), "get /api" | "get /apis")
}

fn line(call: &StepCall) -> String {
    let call = &call.call;
    let mut text = if call.service == "kubernetes" {
        call.operation.clone()
    } else {
        format!("{} {}", call.service, call.operation)
    };
    for about in &call.about {
        text.push(' ');
        text.push_str(&plain(about.as_bytes()));
    }
    match call.namespace.as_deref() {
        Some("*") => text.push_str(" in any namespace"),
        Some(namespace) => text.push_str(&format!(" in {}", plain(namespace.as_bytes()))),
        None => {}
    }
    for (mark, given) in [("changes", call.changes), ("maybe", call.maybe)] {
        if given {
            text.push_str(&format!("  [{mark}]"));
        }
    }
    text
}
