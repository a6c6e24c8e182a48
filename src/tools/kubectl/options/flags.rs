//! What options a command has, in the terms of the flag library that kubectl uses (spf13/pflag).

/// What an option's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false; `--name` alone is true.
    Bool,
    /// One text; the last one given counts.
    Text,
    /// Texts, split at commas, added up over several uses.
    List,
    /// Texts as they are, added up over several uses.
    Each,
    /// A whole number.
    Number,
    /// A length of time as Go writes it: `1m30s`.
    Duration,
    /// kubectl has it; here it is refused by name, so that nothing is silently left out.
    Refused(&'static str),
}

/// One option of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What its value is.
    pub kind: Kind,
    /// The value when it is not given.
    pub default: &'static str,
    /// The value when it is given without one; `None` means that the next word is the value.
    pub alone: Option<&'static str>,
}

impl Flag {
    /// True or false, false when not given.
    pub const fn switch(name: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Bool, default: "false", alone: Some("true") }
    }

    /// A text, empty when not given.
    pub const fn text(name: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Text, default: "", alone: None }
    }

    /// Texts split at commas.
    pub const fn list(name: &'static str) -> Self {
        Self { name, short: None, kind: Kind::List, default: "", alone: None }
    }

    /// Texts as they are.
    pub const fn each(name: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Each, default: "", alone: None }
    }

    /// A whole number.
    pub const fn number(name: &'static str, default: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Number, default, alone: None }
    }

    /// A length of time.
    pub const fn duration(name: &'static str, default: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Duration, default, alone: None }
    }

    /// An option that is refused, with the reason.
    pub const fn refused(name: &'static str, why: &'static str) -> Self {
        Self { name, short: None, kind: Kind::Refused(why), default: "", alone: None }
    }

    /// The same with a letter.
    pub const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// The same with another default.
    pub const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// The same with a value for when it is given without one.
    pub const fn alone(self, alone: &'static str) -> Self {
        Self { alone: Some(alone), ..self }
    }

    /// How the flag library names it in a message about its value.
    pub(super) fn display(&self) -> String {
        match self.short {
            Some(short) => format!("-{short}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }
}

/// Options that say where the cluster is and who one is there: a person's own line has them, a lesson does not.
pub const PERSONS: &[&str] = &[
    "server",
    "token",
    "user",
    "cluster",
    "username",
    "password",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "tls-server-name",
    "insecure-skip-tls-verify",
];

/// The options that every command has.
pub const GLOBAL: &[Flag] = &[
    Flag::text("namespace").short('n'),
    Flag::text("context"),
    Flag::text("kubeconfig"),
    Flag::text("as"),
    Flag::each("as-group"),
    Flag::text("as-uid"),
    Flag::text("request-timeout").or("0"),
    Flag::number("v", "0").short('v'),
    Flag::text("vmodule"),
    Flag::text("cache-dir"),
    Flag::switch("disable-compression"),
    Flag::switch("match-server-version"),
    Flag::duration("log-flush-frequency", "5s"),
    Flag::text("profile").or("none"),
    Flag::text("profile-output").or("profile.pprof"),
    Flag::switch("warnings-as-errors"),
    Flag::text("server").short('s'),
    Flag::text("token"),
    Flag::text("user"),
    Flag::text("cluster"),
    Flag::text("username"),
    Flag::text("password"),
    Flag::text("certificate-authority"),
    Flag::text("client-certificate"),
    Flag::text("client-key"),
    Flag::text("tls-server-name"),
    Flag::switch("insecure-skip-tls-verify"),
    Flag::switch("help").short('h'),
];

/// Where the objects of a command are read from.
pub const FILES: &[Flag] =
    &[Flag::list("filename").short('f'), Flag::text("kustomize").short('k'), Flag::switch("recursive").short('R')];

/// How the objects of a command are printed.
pub const PRINT: &[Flag] = &[
    Flag::text("output").short('o'),
    Flag::text("template"),
    Flag::switch("allow-missing-template-keys").or("true"),
    Flag::switch("show-managed-fields"),
];

/// Whether a command only shows what it would do.
pub const DRY_RUN: &[Flag] = &[Flag::text("dry-run").or("none").alone("unchanged")];
