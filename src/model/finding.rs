//! What a check found: severity, object, message, evidence and a remedy that can be copied.

use serde::{Deserialize, Serialize};

use super::read::Skip;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Information,
    /// A risk; the system is as it must be right now.
    Warning,
    /// Not as it must be: the check fails.
    Error,
}

/// One thing that isn't as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The object, as `kind/name`.
    pub object: String,
    /// What is wrong, a sentence without a full stop.
    pub message: String,
    /// What was seen: quoted messages, log lines, values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What to do, in order; a line that starts with `$ ` is a command to copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
}

impl Finding {
    /// A finding about `object` (`kind/name`).
    pub fn new(severity: Severity, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            object: object.into(),
            message: message.into(),
            evidence: Vec::new(),
            remedy: Vec::new(),
        }
    }
}

/// What a check's function gives back: findings, what couldn't be judged, and the sentence for when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What isn't as it should be.
    pub findings: Vec<Finding>,
    /// Parts that couldn't be judged, a clause each: with no error found, the check is unknown.
    pub unsure: Vec<String>,
    /// What was seen, for the line of a passing check.
    pub seen: String,
}

impl Verdict {
    /// A verdict without findings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error and gives it back for evidence and remedy.
    pub fn fail(&mut self, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Error, object, message)
    }

    /// Adds a warning and gives it back for evidence and remedy.
    pub fn warn(&mut self, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Warning, object, message)
    }

    /// Adds a piece of information and gives it back for evidence and remedy.
    pub fn inform(&mut self, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.add(Severity::Information, object, message)
    }

    /// Says that a part couldn't be judged, and why.
    pub fn unsure(&mut self, why: impl Into<String>) {
        self.unsure.push(why.into());
    }

    /// The value of a part, where it was judged. What couldn't be leaves standing what was found before it.
    pub fn part<T>(&mut self, judged: Result<T, Skip>) -> Option<T> {
        match judged {
            Ok(value) => Some(value),
            Err(Skip::Unknown(why)) => {
                if !self.unsure.contains(&why) {
                    self.unsure(why);
                }
                None
            }
            Err(Skip::NotApplicable(_)) => None,
        }
    }

    /// Sets the sentence that is shown when nothing was found.
    #[must_use]
    pub fn seen(mut self, what: impl Into<String>) -> Self {
        self.seen = what.into();
        self
    }

    fn add(&mut self, severity: Severity, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(Finding::new(severity, object, message));
        &mut self.findings[at]
    }
}

impl Finding {
    /// Adds a line of evidence.
    pub fn evidence(&mut self, line: impl Into<String>) -> &mut Self {
        self.evidence.push(line.into());
        self
    }

    /// Adds a line of the remedy; a command starts with `$ `.
    pub fn remedy(&mut self, line: impl Into<String>) -> &mut Self {
        self.remedy.push(line.into());
        self
    }
}
