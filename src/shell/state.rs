//! The state of a shell as data: what lasts from step to step, and from one process to the next.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use brush_core::functions::FunctionEnv;
use brush_core::options::RuntimeOptions;
use brush_core::traps::TrapHandlerConfig;
use brush_core::{Shell, ShellValue, ShellVariable};
use serde::{Deserialize, Serialize};

use super::errors::Extensions;
use super::{ShellError, ShellState};

/// Variables that the shell computes or owns: they are never put back.
const OWN_VARIABLES: &[&str] = &[
    "BASHOPTS",
    "BASHPID",
    "BASH_LAST_JOB",
    "BASH_VERSINFO",
    "BASH_XTRACEFD",
    "EUID",
    "PPID",
    "PS4",
    "SHELLOPTS",
    "UID",
    "_",
];

/// Variables, functions, options, aliases, traps and working directory.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Saved {
    variables: BTreeMap<String, ShellVariable>,
    functions: FunctionEnv,
    options: RuntimeOptions,
    aliases: HashMap<String, String>,
    traps: TrapHandlerConfig,
    args: Vec<String>,
    working_dir: PathBuf,
    directory_stack: Vec<PathBuf>,
    last_status: u8,
}

impl Saved {
    /// The state that `shell` has.
    pub(super) fn of(shell: &Shell<Extensions>) -> Self {
        Self {
            variables: shell
                .env()
                .iter()
                .filter(|(name, variable)| {
                    !matches!(variable.value(), ShellValue::Dynamic { .. }) && !OWN_VARIABLES.contains(&name.as_str())
                })
                .map(|(name, variable)| (name.clone(), variable.clone()))
                .collect(),
            functions: shell.funcs().clone(),
            options: shell.options().clone(),
            aliases: shell.aliases().clone(),
            traps: shell.traps().clone(),
            args: shell.current_shell_args().to_vec(),
            working_dir: shell.working_dir().to_owned(),
            directory_stack: shell.directory_stack().to_vec(),
            last_status: shell.last_exit_status(),
        }
    }

    /// Gives the state to `shell`, which is a new one.
    pub(super) fn give_to(&self, shell: &mut Shell<Extensions>) {
        let unwanted: Vec<_> = shell
            .env()
            .iter()
            .filter(|(name, variable)| {
                !matches!(variable.value(), ShellValue::Dynamic { .. })
                    && !variable.is_readonly()
                    && !OWN_VARIABLES.contains(&name.as_str())
                    && !self.variables.contains_key(*name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in unwanted {
            // It is not read-only, so it can be unset.
            let _ = shell.env_mut().unset(&name);
        }
        // A folder that is gone leaves the shell where it is: at home. PWD and OLDPWD follow from the variables.
        let _ = shell.set_working_dir(&self.working_dir);
        for (name, variable) in &self.variables {
            let own = shell.env().get(name).is_some_and(|(_, variable)| variable.is_readonly());
            if !own && !OWN_VARIABLES.contains(&name.as_str()) {
                let _ = shell.env_mut().set_global(name.clone(), variable.clone());
            }
        }
        *shell.funcs_mut() = self.functions.clone();
        *shell.options_mut() = self.options.clone();
        *shell.aliases_mut() = self.aliases.clone();
        *shell.traps_mut() = self.traps.clone();
        *shell.current_shell_args_mut() = self.args.clone();
        *shell.directory_stack_mut() = self.directory_stack.clone();
        shell.set_last_exit_status(self.last_status);
    }

    /// Bytes that the variables hold.
    pub(super) fn size(&self) -> u64 {
        let mut size = 0;
        for (name, variable) in &self.variables {
            size += name.len();
            size += match variable.value() {
                ShellValue::String(text) => text.len(),
                ShellValue::AssociativeArray(array) => array.iter().map(|(key, value)| key.len() + value.len()).sum(),
                ShellValue::IndexedArray(array) => array.values().map(|value| 8 + value.len()).sum(),
                ShellValue::Unset(_) | ShellValue::Dynamic { .. } => 0,
            };
        }
        size as u64
    }

    pub(super) fn to_state(&self) -> Result<ShellState, ShellError> {
        serde_json::to_value(self).map(ShellState).map_err(|error| ShellError::State(error.to_string()))
    }

    pub(super) fn from_state(state: &ShellState) -> Result<Self, ShellError> {
        serde_json::from_value(state.0.clone()).map_err(|error| ShellError::State(error.to_string()))
    }
}
