//! The one error type: what happened, to which object, and what to do next.
//!
//! `message` is lowercase and complete ("failed to read pod/db-3: …"), without a full stop. `hints` say what to do next;
//! a hint that is a command starts with `$ ` and can be copied. Nothing here prints: `report::errors` does.

use std::fmt;

use crate::exit_code::ExitCode;

/// What an error is about; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line, a configuration file or a typed name can't be followed.
    Usage,
    /// The cluster can't be reached or doesn't answer as Kubernetes: nothing could be judged.
    Unreachable,
    /// The cluster refused us: no rights, or credentials that don't count.
    Forbidden,
    /// A file (snapshot, kubeconfig) can't be read or written.
    File,
    /// The output can't be written.
    Output,
    /// Preflight refused, or nobody said yes: nothing was changed.
    Refused,
    /// Somebody else holds the lock.
    Locked,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// A state that shardctl's own code should have made impossible.
    Bug,
}

/// An error worded for the person who has to act on it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` is lowercase, complete and names the object.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            source: None,
        }
    }

    /// A [`ErrorKind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// An error of shardctl's own; asks the reader to report it.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
            .hint("this is a bug in shardctl; please report it with the command that you ran")
    }

    /// Adds a line that says what to do next; a command starts with `$ `.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Keeps the underlying error for `-v`.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the error is about.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, to which object.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, a line each.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The exit code that the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            ErrorKind::Usage | ErrorKind::File => ExitCode::Usage,
            ErrorKind::Unreachable | ErrorKind::Forbidden | ErrorKind::Output => ExitCode::Unknown,
            ErrorKind::Refused => ExitCode::Refused,
            ErrorKind::Locked => ExitCode::Locked,
            ErrorKind::Interrupted => ExitCode::Interrupted,
            ErrorKind::Bug => ExitCode::Bug,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
