//! Pipelines as bash runs them.
//!
//! brush runs a group, loop or function that is a stage of a pipeline to its end before it starts the next stage, and lets
//! an `exit` in the last stage end the whole shell. Background jobs are put into builtins of `jobs`, too. So before a script runs, such a stage is put into a builtin of our own
//! (which brush runs on a thread of its own, as it does any builtin in a pipeline), and a group or loop that is the last
//! stage into a subshell. The builtin's argument is the stage itself, so that functions can be saved and restored.

use brush_core::parser::ast::{
    AndOr, AndOrList, Command, CommandPrefixOrSuffixItem, CommandSuffix, CompoundCommand, CompoundList,
    CompoundListItem, Pipeline, Program, SeparatorOperator, SimpleCommand, SubshellCommand, Word,
};
use brush_core::{CommandArg, ExecutionResult, SourceSpan};

use super::builtins::{Answer, Call, place_of, stopped, words};
use super::jobs;
use super::last_job::{self, names_last_job};

/// The builtin's name: no script is likely to use it, and nothing is won by it.
pub(super) const STAGE: &str = ":stage";

/// Whether a text may have background jobs in it, or their numbers.
pub(super) fn has_jobs(text: &str) -> bool {
    text.contains('&') || names_last_job(text)
}

/// Rewrites all pipelines and background jobs in `program`. `is_builtin` says which names are builtins or tools.
pub(super) fn pipelines(program: &mut Program, is_builtin: &dyn Fn(&str) -> bool) {
    last_job::rewrite(program);
    for list in &mut program.complete_commands {
        in_list(list, is_builtin);
    }
}

fn in_list(list: &mut CompoundList, is_builtin: &dyn Fn(&str) -> bool) {
    for CompoundListItem(and_or, separator) in &mut list.0 {
        let text = matches!(separator, SeparatorOperator::Async).then(|| text_of(and_or));
        in_pipeline(&mut and_or.first, is_builtin);
        for next in &mut and_or.additional {
            match next {
                AndOr::And(pipeline) | AndOr::Or(pipeline) => in_pipeline(pipeline, is_builtin),
            }
        }
        if let Some(text) = text
            && let Ok(json) = serde_json::to_string(and_or)
        {
            let job = Pipeline { timed: None, bang: false, seq: vec![builtin(jobs::START, &[json, text])] };
            *and_or = AndOrList { first: job, additional: Vec::new() };
            *separator = SeparatorOperator::Sequence;
        }
    }
}

fn in_pipeline(pipeline: &mut Pipeline, is_builtin: &dyn Fn(&str) -> bool) {
    for command in &mut pipeline.seq {
        match command {
            Command::Compound(compound, _) => in_compound(compound, is_builtin),
            Command::Function(function) => in_compound(&mut function.body.0, is_builtin),
            Command::Simple(_) | Command::ExtendedTest(..) => {}
        }
    }
    let Some((last, ahead)) = pipeline.seq.split_last_mut().filter(|(_, ahead)| !ahead.is_empty()) else { return };
    for command in ahead {
        if runs_inline(command, is_builtin)
            && let Some(stage) = stage(command)
        {
            *command = stage;
        }
    }
    if may_exit(last) {
        let inner = std::mem::replace(last, Command::Simple(empty()));
        let list = list_of(inner);
        let subshell = SubshellCommand { list, loc: SourceSpan::default() };
        *last = Command::Compound(CompoundCommand::Subshell(subshell), None);
    }
}

/// A list as `jobs` shows it: as bash writes it on one line, where that is one.
fn text_of(list: &AndOrList) -> String {
    let mut text = pipeline_text(&list.first);
    for next in &list.additional {
        let (sign, pipeline) = match next {
            AndOr::And(pipeline) => ("&&", pipeline),
            AndOr::Or(pipeline) => ("||", pipeline),
        };
        text.push_str(&format!(" {sign} {}", pipeline_text(pipeline)));
    }
    text
}

fn pipeline_text(pipeline: &Pipeline) -> String {
    let all = |list: &CompoundList| list.0.iter().map(|item| text_of(&item.0)).collect::<Vec<_>>().join("; ");
    let stages = pipeline.seq.iter().map(|command| match command {
        Command::Compound(CompoundCommand::BraceGroup(it), None) => format!("{{ {}; }}", all(&it.list)),
        Command::Compound(CompoundCommand::Subshell(it), None) => format!("( {} )", all(&it.list)),
        command => command.to_string(),
    });
    let text = stages.collect::<Vec<_>>().join(" | ");
    if pipeline.bang { format!("! {text}") } else { text }
}

fn in_compound(compound: &mut CompoundCommand, is_builtin: &dyn Fn(&str) -> bool) {
    match compound {
        CompoundCommand::Arithmetic(_) => {}
        CompoundCommand::ArithmeticForClause(it) => in_list(&mut it.body.list, is_builtin),
        CompoundCommand::BraceGroup(it) => in_list(&mut it.list, is_builtin),
        CompoundCommand::Subshell(it) => in_list(&mut it.list, is_builtin),
        CompoundCommand::ForClause(it) => in_list(&mut it.body.list, is_builtin),
        CompoundCommand::CaseClause(it) => {
            for list in it.cases.iter_mut().filter_map(|case| case.cmd.as_mut()) {
                in_list(list, is_builtin);
            }
        }
        CompoundCommand::IfClause(it) => {
            in_list(&mut it.condition, is_builtin);
            in_list(&mut it.then, is_builtin);
            for clause in it.elses.iter_mut().flatten() {
                if let Some(condition) = &mut clause.condition {
                    in_list(condition, is_builtin);
                }
                in_list(&mut clause.body, is_builtin);
            }
        }
        CompoundCommand::WhileClause(it) | CompoundCommand::UntilClause(it) => {
            in_list(&mut it.0, is_builtin);
            in_list(&mut it.1.list, is_builtin);
        }
        CompoundCommand::Coprocess(it) => {
            if let Command::Compound(compound, _) = &mut *it.body {
                in_compound(compound, is_builtin);
            }
        }
    }
}

/// Whether brush would run this stage before it starts the next one.
fn runs_inline(command: &Command, is_builtin: &dyn Fn(&str) -> bool) -> bool {
    match command {
        Command::Compound(..) => true,
        // What is no builtin may be a function.
        Command::Simple(simple) => simple.word_or_name.as_ref().is_some_and(|name| !is_builtin(&name.value)),
        Command::Function(_) | Command::ExtendedTest(..) => false,
    }
}

/// Whether an `exit` in this last stage would reach the shell around it.
fn may_exit(command: &Command) -> bool {
    match command {
        Command::Compound(CompoundCommand::Subshell(_), _) => false,
        Command::Compound(..) => true,
        Command::Simple(simple) => simple
            .word_or_name
            .as_ref()
            .is_some_and(|name| matches!(name.value.as_str(), "exit" | "eval" | "exec" | "source" | ".")),
        Command::Function(_) | Command::ExtendedTest(..) => false,
    }
}

/// The builtin that runs `command`.
fn stage(command: &Command) -> Option<Command> {
    let text = serde_json::to_string(command).ok()?;
    Some(builtin(STAGE, &[text]))
}

/// A builtin with these arguments, as they are.
pub(super) fn builtin(name: &str, args: &[String]) -> Command {
    let quoted = args.iter().map(|text| format!("'{}'", text.replace('\'', r"'\''")));
    let words = quoted.map(|text| CommandPrefixOrSuffixItem::Word(Word::from(text))).collect();
    Command::Simple(SimpleCommand {
        word_or_name: Some(Word::from(name.to_owned())),
        suffix: Some(CommandSuffix(words)),
        ..empty()
    })
}

fn empty() -> SimpleCommand {
    SimpleCommand { prefix: None, word_or_name: None, suffix: None }
}

pub(super) fn list_of(command: Command) -> CompoundList {
    let pipeline = Pipeline { timed: None, bang: false, seq: vec![command] };
    let list = AndOrList { first: pipeline, additional: Vec::new() };
    CompoundList(vec![CompoundListItem(list, SeparatorOperator::Sequence)])
}

/// Runs a stage. Its shell is its own, so nothing but its status gets out.
pub(super) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        if place_of(&call).is_none() {
            return Ok(stopped());
        }
        let Some(command) = words(&args).first().and_then(|text| serde_json::from_str(text).ok()) else {
            return Err(brush_core::ErrorKind::CommandNotFound(STAGE.to_owned()).into());
        };
        let program = Program { complete_commands: vec![list_of(command)] };
        let result = call.shell.run_program(program, &call.params).await?;
        Ok(ExecutionResult::new(u8::from(result.exit_code)))
    })
}
