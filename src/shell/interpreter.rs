//! Making a bash.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use brush_core::openfiles::OpenFile;
use brush_core::{ProfileLoadBehavior, RcLoadBehavior, Shell, ShellFd, ShellValue, ShellVariable};

use super::builtins;
use super::context::{Context, GUARD_FD, SCOPE_FD, Scope, TRACE_FD};
use super::errors::Extensions;
use super::streams::{NoPrograms, ScopeMark, Trace};

/// How deep functions may call each other: each level takes stack.
const MAX_FUNCTION_DEPTH: usize = 100;

/// What a new bash starts with.
pub(super) struct Start<'a> {
    /// `$0`.
    pub name: String,
    /// `$1` and on.
    pub args: Vec<String>,
    /// The exported variables.
    pub env: BTreeMap<String, String>,
    pub working_dir: &'a Path,
    /// Descriptors; those of the shell's own are added.
    pub fds: HashMap<ShellFd, OpenFile>,
    pub scope: Option<Arc<Scope>>,
}

/// A new bash with the builtins and tools of this shell thread.
pub(super) async fn start(context: &Arc<Context>, start: Start<'_>) -> Result<Shell<Extensions>, brush_core::Error> {
    let mut shell = Shell::builder_with_extensions::<Extensions>()
        .builtins(builtins::all(context))
        .do_not_inherit_env(true)
        .profile(ProfileLoadBehavior::Skip)
        .rc(RcLoadBehavior::Skip)
        .working_dir(start.working_dir.to_owned())
        .shell_name(start.name)
        .shell_args(start.args)
        .max_function_call_depth(MAX_FUNCTION_DEPTH)
        .print_commands_and_arguments(true)
        .fds(start.fds)
        .build()
        .await?;
    set_variables(&mut shell, context, start.working_dir)?;
    for (name, value) in start.env {
        let mut variable = ShellVariable::new(value);
        variable.export();
        if shell.env().get(&name).is_none_or(|(_, known)| !known.is_readonly()) {
            shell.env_mut().set_global(name, variable)?;
        }
    }
    if let Some(scope) = &start.scope {
        enter(&mut shell, context, scope);
    }
    shell.open_files_mut().set_fd(GUARD_FD, OpenFile::Stream(Box::new(NoPrograms)));
    Ok(shell)
}

/// Puts the shell's own descriptors in place.
pub(super) fn enter(shell: &mut Shell<Extensions>, context: &Context, scope: &Arc<Scope>) {
    let files = shell.open_files_mut();
    files.set_fd(GUARD_FD, OpenFile::Stream(Box::new(NoPrograms)));
    files.set_fd(SCOPE_FD, OpenFile::Stream(Box::new(ScopeMark(Arc::clone(scope)))));
    let trace = Trace { scope: Arc::clone(scope), limit: context.limits.variables, text: String::new() };
    files.set_fd(TRACE_FD, OpenFile::Stream(Box::new(trace)));
}

fn set_variables(shell: &mut Shell<Extensions>, context: &Context, folder: &Path) -> Result<(), brush_core::Error> {
    let env = shell.env_mut();
    // Tracing stops loops that have no command in them; it prints nothing unless the script asks for it.
    for (name, value) in [("BASH_XTRACEFD", TRACE_FD.to_string()), ("PS4", String::new())] {
        let mut variable = ShellVariable::new(value);
        variable.hide_from_enumeration();
        env.set_global(name, variable)?;
    }
    for (name, getter) in DYNAMIC {
        env.set_global(*name, ShellVariable::new(ShellValue::Dynamic { getter: *getter, setter: |_| () }))?;
    }
    // No program can be started: nothing is looked for. It must not be empty, which would mean the working directory.
    let mut path = ShellVariable::new(context.home.join("bin").to_string_lossy().into_owned());
    path.export();
    env.set_global("PATH", path)?;
    for (name, folder) in [("HOME", context.home.as_path()), ("PWD", folder)] {
        let mut variable = ShellVariable::new(folder.to_string_lossy().into_owned());
        variable.export();
        if env.get(name).is_none() || name == "HOME" {
            env.set_global(name, variable)?;
        }
    }
    Ok(())
}

type Getter = fn(&dyn brush_core::ShellState) -> ShellValue;

/// Variables that tell the time: the session's.
const DYNAMIC: &[(&str, Getter)] = &[
    ("SECONDS", |_| {
        let seconds = Context::current().map_or(0, |it| it.clock.elapsed().saturating_sub(it.started).as_secs());
        seconds.to_string().into()
    }),
    ("EPOCHSECONDS", |_| Context::current().map_or(0, |it| it.clock.now().as_second()).to_string().into()),
    ("EPOCHREALTIME", |_| {
        let micros = Context::current().map_or(0, |it| it.clock.now().as_microsecond());
        format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000).into()
    }),
];
