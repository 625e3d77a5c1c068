//! The question before a change, and the only place where a [`Permit`] is made.
//!
//! `--yes` answers it. A terminal is asked, and no is what Return means. Without a terminal and without `--yes` nothing is
//! changed, and the command that would do it is named. What is worse than a question wants a name typed out instead. A terminal that
//! can't move its cursor (`TERM=dumb`) is asked by a line and answered by one. Ctrl-C, SIGTERM and SIGHUP end a question: the answer is read on
//! a thread of its own, which nobody waits for then. A rehearsal asks nobody:
//! its connection leads nowhere.

use std::io::{self, IsTerminal};

use dialoguer::console::Term;
use dialoguer::{Confirm, Input};
use tokio::sync::watch;

use super::again::words;
use super::change::interrupted;
use super::terminal::Terminal;
use super::typed;
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::error::{Error, ErrorKind, Result};
use crate::model::shell::shell_word;
use crate::report::style::is_dumb;

/// Asks whether to go on; `question` is a whole question ("Move 10 shards of shop/db?").
///
/// The answer is waited for beside the runtime, so that a lock is renewed meanwhile; `stop` counts Ctrl-C.
///
/// # Errors
/// [`ErrorKind::Refused`] where the answer is no or nobody can be asked, [`ErrorKind::Interrupted`] where we were told to stop.
pub async fn ask(question: &str, yes: bool, stop: &watch::Receiver<u32>) -> Result<Permit> {
    if yes {
        return Ok(Permit::confirmed());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(nobody_to_ask(words()));
    }
    let question = crate::report::untrusted::visible(question).into_owned();
    let ask = move || {
        if is_dumb() {
            let typed = typed::line(&format!("{question} [y/N] "))?.unwrap_or_default();
            return Ok(["y", "yes"].contains(&typed.trim().to_lowercase().as_str()));
        }
        Confirm::new().with_prompt(question).default(false).interact()
    };
    if answer(ask, "--yes", stop).await? {
        Ok(Permit::confirmed())
    } else {
        Err(Error::new(ErrorKind::Refused, "you said no; nothing was changed"))
    }
}

/// The permit for a rehearsal: nobody is asked, since nothing is changed that outlives it.
///
/// # Errors
/// A bug: the connection leads to a cluster outside of this process.
pub fn rehearsed(connection: &Connection) -> Result<Permit> {
    if connection.is_a_rehearsal() {
        Ok(Permit::confirmed())
    } else {
        Err(Error::bug("a rehearsal was about to change a real cluster"))
    }
}

/// Asks for a name to be typed out, for what is worse than a question; `confirm` is `--confirm`. `--yes` doesn't answer it.
///
/// # Errors
/// As [`ask`]; also where another name was given.
pub async fn ask_for_name(
    warning: &str,
    name: &str,
    confirm: Option<&str>,
    stop: &watch::Receiver<u32>,
) -> Result<Permit> {
    let flag = format!("--confirm {}", shell_word(name));
    let typed = match confirm {
        Some(given) => given.to_owned(),
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => {
            let warning = crate::report::untrusted::visible(warning).into_owned();
            let prompt = format!("{warning} Type {name} to go on");
            let ask = move || {
                if is_dumb() {
                    return Ok(typed::line(&format!("{prompt}: "))?.unwrap_or_default());
                }
                Input::<String>::new()
                    .with_prompt(prompt)
                    .allow_empty(true)
                    .interact_text()
            };
            answer(ask, &flag, stop).await?
        }
        None => {
            return Err(Error::new(
                ErrorKind::Refused,
                "a name has to be typed out here, and this is no terminal; nothing was changed",
            )
            .hint("--yes doesn't answer it; to go on:")
            .hint(format!("$ {}", with(words(), &flag))));
        }
    };
    if typed.trim() == name {
        return Ok(Permit::confirmed());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("`{typed}` isn't `{name}`; nothing was changed"),
    ))
}

/// Waits for an answer beside the runtime; `flag` is what gives it without a terminal.
async fn answer<T: Send + 'static>(
    ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
    flag: &str,
    stop: &watch::Receiver<u32>,
) -> Result<T> {
    let mut stop = stop.clone();
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let mut prompt = Prompt::new();
    let answer = tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        answer = tokio::task::spawn_blocking(ask) => answer,
    };
    prompt.answered = matches!(answer, Ok(Ok(_)));
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => Err(interrupted()),
        Ok(Err(dialoguer::Error::IO(error))) => Err(Error::new(
            ErrorKind::Refused,
            format!("failed to ask on this terminal: {error}; nothing was changed"),
        )
        .hint(format!("answer with {flag} instead:"))
        .hint(format!("$ {}", with(words(), flag)))
        .because(error)),
        Err(error) => Err(Error::bug("failed to ask").because(error)),
    }
}

/// A question on the terminal. It hides the cursor and takes single keys, and one that wasn't answered leaves a line that isn't ended:
/// all is put right when nobody waits for the answer any more.
struct Prompt {
    terminal: Terminal,
    answered: bool,
}

impl Prompt {
    fn new() -> Prompt {
        Prompt {
            terminal: Terminal::found(is_dumb()),
            answered: false,
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        self.terminal.restore();
        if !self.answered {
            let _ = Term::stderr().write_line("");
        }
    }
}

fn nobody_to_ask(arguments: impl Iterator<Item = String>) -> Error {
    Error::new(
        ErrorKind::Refused,
        "nobody can be asked here, since this is no terminal; nothing was changed",
    )
    .hint("to go on without a question:")
    .hint(format!("$ {}", with(arguments, "--yes")))
}

/// The command line with a flag, before a `--` that ends its flags.
fn with(arguments: impl Iterator<Item = String>, flag: &str) -> String {
    let mut words: Vec<String> = arguments.map(|word| shell_word(&word)).collect();
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.insert(end, flag.to_owned());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    fn words(line: &str) -> impl Iterator<Item = String> + '_ {
        line.split('|').map(str::to_owned)
    }

    #[test]
    fn without_a_terminal_the_command_that_would_do_it_is_named() {
        let error = nobody_to_ask(words(
            "shardctl|upgrade|--image|registry.example/db:2.0|--before|drain it",
        ));
        assert_eq!(error.exit_code(), ExitCode::Refused);
        assert_eq!(
            error.hints().last().unwrap(),
            "$ shardctl upgrade --image registry.example/db:2.0 --before 'drain it' --yes"
        );
        assert_eq!(with(words("shardctl|x|--|y"), "--yes"), "shardctl x --yes -- y");
    }

    #[tokio::test]
    async fn yes_is_an_answer() {
        assert!(ask("Move the shards?", true, &watch::channel(0).1).await.is_ok());
    }

    #[tokio::test]
    async fn a_name_is_answered_by_that_name_alone() {
        let stop = watch::channel(0).1;
        let ask = |given: &'static str| ask_for_name("The system goes down.", "db", Some(given), &stop);
        assert!(ask("db").await.is_ok());
        for wrong in ["yes", "DB", "", "shop/db"] {
            let error = ask(wrong).await.err().unwrap();
            assert_eq!(error.exit_code(), ExitCode::Refused, "{wrong}");
        }
    }
}
