//! The question before a change, and the only place where a [`Permit`] is made.
//!
//! `--yes` answers it. A terminal is asked, and no is what Return means. Without a terminal and without `--yes` nothing is
//! changed, and the command that would do it is named.

use std::io::{self, IsTerminal};

use dialoguer::Confirm;
use dialoguer::console::Term;

use crate::cluster::permit::Permit;
use crate::error::{Error, ErrorKind, Result};
use crate::model::shell::shell_word;

/// Asks whether to go on; `question` is a whole question ("Move 10 shards of shop/db?").
///
/// The answer is waited for beside the runtime, so that a lock is renewed meanwhile.
///
/// # Errors
/// [`ErrorKind::Refused`] where the answer is no or nobody can be asked, [`ErrorKind::Interrupted`] for Ctrl-C.
pub async fn ask(question: &str, yes: bool) -> Result<Permit> {
    if yes {
        return Ok(Permit::confirmed());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(nobody_to_ask(std::env::args()));
    }
    let question = crate::report::untrusted::visible(question).into_owned();
    let mut prompt = Prompt { answered: false };
    let answer = tokio::task::spawn_blocking(move || Confirm::new().with_prompt(question).default(false).interact());
    let answer = answer.await;
    prompt.answered = matches!(answer, Ok(Ok(_)));
    match answer {
        Ok(Ok(true)) => Ok(Permit::confirmed()),
        Ok(Ok(false)) => Err(Error::new(ErrorKind::Refused, "you said no; nothing was changed")),
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Error::new(ErrorKind::Interrupted, "interrupted; nothing was changed"))
        }
        Ok(Err(dialoguer::Error::IO(error))) => Err(Error::new(
            ErrorKind::Refused,
            format!("failed to ask on this terminal: {error}; nothing was changed"),
        )
        .hint("answer with --yes instead:")
        .hint(format!("$ {}", with_yes(std::env::args())))
        .because(error)),
        Err(error) => Err(Error::bug("failed to ask").because(error)),
    }
}

/// A question on the terminal. It hides the cursor, and Ctrl-C leaves it hidden on a line that isn't ended: both are put right
/// when nobody waits for the answer any more.
struct Prompt {
    answered: bool,
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let terminal = Term::stderr();
        let _ = terminal.show_cursor();
        if !self.answered {
            let _ = terminal.write_line("");
        }
    }
}

fn nobody_to_ask(arguments: impl Iterator<Item = String>) -> Error {
    Error::new(
        ErrorKind::Refused,
        "nobody can be asked here, since this is no terminal; nothing was changed",
    )
    .hint("to go on without a question:")
    .hint(format!("$ {}", with_yes(arguments)))
}

/// The command line with `--yes`, before a `--` that ends its flags.
fn with_yes(arguments: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = arguments.collect();
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.insert(end, "--yes".to_owned());
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
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
        assert_eq!(with_yes(words("shardctl|x|--|y")), "shardctl x --yes -- y");
    }

    #[tokio::test]
    async fn yes_is_an_answer() {
        assert!(ask("Move the shards?", true).await.is_ok());
    }
}
