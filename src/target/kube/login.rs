//! How one logs in where the kubeconfig names a program for it: tokens for EKS are made in process, other programs are
//! refused by name.

use kube::config::{AuthInfo, ExecConfig};

use crate::target::{AwsOptions, TargetError};

/// What `aws eks get-token` or `aws-iam-authenticator token` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EksLogin {
    /// The cluster's name.
    pub cluster: String,
    /// The role that is assumed first.
    pub role: Option<String>,
    /// Region and profile.
    pub aws: AwsOptions,
}

impl EksLogin {
    /// What the user's plugin does, if one has one. `variable` reads the command's environment.
    ///
    /// # Errors
    /// When it is a plugin that lectern does not do in process: no program is started.
    pub fn of(
        user: &AuthInfo,
        name: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TargetError> {
        if user.auth_provider.is_some() {
            return Err(TargetError::Refused {
                what: format!("auth-provider of the user \"{name}\""),
                why: "plugins are not run: give this user a token or a client certificate".into(),
            });
        }
        // A token that is there already needs no plugin.
        let Some(exec) = user.exec.as_ref().filter(|_| user.token.is_none() && user.token_file.is_none()) else {
            return Ok(None);
        };
        let refused = |why: String| TargetError::Refused { what: format!("exec of the user \"{name}\""), why };
        let command = exec.command.as_deref().unwrap_or("a program");
        match command.rsplit('/').next() {
            Some("aws") => aws(exec, variable).map(Some).map_err(refused),
            Some("aws-iam-authenticator") => authenticator(exec, variable).map(Some).map_err(refused),
            _ => Err(refused(format!(
                "it would start {command}; no program is started: give this user a token or a client \
                 certificate, or allow the program by its name with --allow"
            ))),
        }
    }
}

/// `aws [--region R] [--profile P] eks get-token --cluster-name NAME [--role-arn ARN]`.
fn aws(exec: &ExecConfig, variable: &dyn Fn(&str) -> Option<String>) -> Result<EksLogin, String> {
    let mut words = Vec::new();
    let (mut cluster, mut role, mut region, mut profile) = (None, None, None, None);
    let mut arguments = Arguments::of(exec);
    while let Some((option, value)) = arguments.next() {
        match option.as_str() {
            "--cluster-name" | "--cluster-id" => cluster = Some(arguments.value(&option, value)?),
            "--role-arn" | "--role" => role = Some(arguments.value(&option, value)?),
            "--region" => region = Some(arguments.value(&option, value)?),
            "--profile" => profile = Some(arguments.value(&option, value)?),
            // How the answer is written does not matter: nobody reads it.
            "--output" | "--color" | "--cli-read-timeout" | "--cli-connect-timeout" => {
                arguments.value(&option, value)?;
            }
            "--no-cli-pager" | "--no-paginate" => {}
            word if !word.starts_with('-') => words.push(option),
            _ => return Err(unknown(exec, &option)),
        }
    }
    if words != ["eks", "get-token"] {
        return Err(format!(
            "it would start aws {}; only aws eks get-token is done in process, and no program is started",
            words.join(" ")
        ));
    }
    finish(exec, cluster, role, region, profile, variable)
}

/// `aws-iam-authenticator token -i NAME [-r ARN] [--region R]`.
fn authenticator(exec: &ExecConfig, variable: &dyn Fn(&str) -> Option<String>) -> Result<EksLogin, String> {
    let mut words = Vec::new();
    let (mut cluster, mut role, mut region) = (None, None, None);
    let mut arguments = Arguments::of(exec);
    while let Some((option, value)) = arguments.next() {
        match option.as_str() {
            "-i" | "--cluster-id" => cluster = Some(arguments.value(&option, value)?),
            "-r" | "--role" => role = Some(arguments.value(&option, value)?),
            "--region" => region = Some(arguments.value(&option, value)?),
            "--cache" => {}
            word if !word.starts_with('-') => words.push(option),
            _ => return Err(unknown(exec, &option)),
        }
    }
    if words != ["token"] {
        return Err(format!(
            "it would start aws-iam-authenticator {}; only its token is done in process, and no program is started",
            words.join(" ")
        ));
    }
    finish(exec, cluster, role, region, None, variable)
}

fn unknown(exec: &ExecConfig, what: &str) -> String {
    let command = exec.command.as_deref().unwrap_or_default();
    format!("{command} is not started, and its {what} is not known here: leave it out")
}

fn finish(
    exec: &ExecConfig,
    cluster: Option<String>,
    role: Option<String>,
    mut region: Option<String>,
    mut profile: Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<EksLogin, String> {
    let mut of_entry = std::collections::BTreeMap::new();
    for pair in exec.env.iter().flatten() {
        let (Some(name), Some(value)) = (pair.get("name"), pair.get("value")) else { continue };
        match name.as_str() {
            "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" | "AWS_REGION" | "AWS_DEFAULT_REGION" => {
                of_entry.insert(name.as_str(), value.clone());
            }
            // Where a region is known its own endpoint is asked, whatever this says; and there is no pager here.
            "AWS_STS_REGIONAL_ENDPOINTS" | "AWS_PAGER" | "AWS_CLI_AUTO_PROMPT" => {}
            _ => return Err(unknown(exec, &format!("variable {name}"))),
        }
    }
    let set = |name: &str| of_entry.get(name).cloned().or_else(|| variable(name)).filter(|value| !value.is_empty());
    region = region.or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
    profile = profile.or_else(|| set("AWS_PROFILE")).or_else(|| set("AWS_DEFAULT_PROFILE"));
    let cluster = cluster.ok_or("it names no cluster: --cluster-name is missing")?;
    Ok(EksLogin { cluster, role, aws: AwsOptions { region, profile, ..AwsOptions::default() } })
}

/// The words of a command line, `--option=value` taken apart.
struct Arguments<'a>(std::slice::Iter<'a, String>);

impl<'a> Arguments<'a> {
    fn of(exec: &'a ExecConfig) -> Self {
        Self(exec.args.as_deref().unwrap_or_default().iter())
    }

    fn next(&mut self) -> Option<(String, Option<String>)> {
        let word = self.0.next()?;
        Some(match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word.clone(), None),
        })
    }

    fn value(&mut self, option: &str, value: Option<String>) -> Result<String, String> {
        value.or_else(|| self.0.next().cloned()).ok_or_else(|| format!("its {option} has no value"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn login(exec: serde_json::Value) -> Result<Option<EksLogin>, String> {
        let user = serde_json::from_value(json!({ "exec": exec })).unwrap();
        let variable = |name: &str| (name == "AWS_PROFILE").then(|| "mine".to_owned());
        EksLogin::of(&user, "u", &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_for_eks_need_no_program() {
        let aws = json!({"command": "/usr/local/bin/aws", "env": [{"name": "AWS_PROFILE", "value": "theirs"}],
            "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name=c", "--output", "json", "--role-arn", "r"]});
        let made = login(aws).unwrap().unwrap();
        assert_eq!((made.cluster.as_str(), made.role.as_deref()), ("c", Some("r")));
        assert_eq!((made.aws.region.as_deref(), made.aws.profile.as_deref()), (Some("eu-west-1"), Some("theirs")));
        let authenticator = json!({"command": "aws-iam-authenticator", "args": ["token", "-i", "c"],
            "env": [{"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"}, {"name": "AWS_DEFAULT_REGION", "value": "x"}]});
        let made = login(authenticator).unwrap().unwrap();
        assert_eq!((made.cluster.as_str(), made.aws.region.as_deref()), ("c", Some("x")));
        assert_eq!(made.aws.profile.as_deref(), Some("mine"));
        let bare: AuthInfo = serde_json::from_value(json!({"token": "t"})).unwrap();
        assert_eq!(EksLogin::of(&bare, "u", &|_| None).unwrap(), None);
    }

    #[test]
    fn other_programs_are_refused_by_name() {
        for (exec, named) in [
            (json!({"command": "touch", "args": ["started"]}), "touch"),
            (json!({"command": "aws", "args": ["s3", "ls"]}), "aws s3 ls"),
            (
                json!({"command": "aws", "args": ["eks", "get-token", "--cluster-name", "c", "--endpoint-url", "x"]}),
                "--endpoint-url",
            ),
            (json!({"command": "aws", "args": ["eks", "get-token"]}), "--cluster-name"),
            (json!({"command": "aws", "args": ["eks", "get-token", "--cluster-name"]}), "--cluster-name"),
            (
                json!({"command": "aws", "args": ["eks", "get-token", "--cluster-name", "c"],
                    "env": [{"name": "AWS_CONFIG_FILE", "value": "x"}]}),
                "AWS_CONFIG_FILE",
            ),
        ] {
            let refused = login(exec).unwrap_err();
            assert!(refused.starts_with("exec of the user \"u\" is refused: ") && refused.contains(named), "{refused}");
        }
        let user =
            serde_json::from_value(json!({"auth-provider": {"name": "gcp", "config": {"cmd-path": "touch"}}})).unwrap();
        assert!(EksLogin::of(&user, "u", &|_| None).unwrap_err().to_string().contains("auth-provider"));
    }
}
