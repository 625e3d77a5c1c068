//! A command of the menu, run as a child that has the terminal until it ends; and what its end was, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use futures::FutureExt;
use nix::sys::signal::{Signal as Kind, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::report::style::Tone;

/// How long a Ctrl-C may be on its way to the menu once its child has ended by it.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// The signals that end a menu. Ctrl-C goes to the menu and its child alike: while there is a child, it is the child's.
pub struct Signals {
    interrupt: Signal,
    end: [Signal; 2],
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// Where the system doesn't let us.
    pub fn listen() -> Result<Signals> {
        let listen = |kind| {
            signal(kind).map_err(|error| Error::bug(format!("failed to listen for signals: {error}")).because(error))
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            end: [listen(SignalKind::terminate())?, listen(SignalKind::hangup())?],
        })
    }

    /// Waits for any of them.
    pub async fn any(&mut self) {
        let [terminate, hangup] = &mut self.end;
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits for one that isn't Ctrl-C.
    async fn end(&mut self) {
        let [terminate, hangup] = &mut self.end;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Forgets a Ctrl-C that was a child's. Where the child ended by one that hasn't been heard here, it is on its way: the kernel
    /// tells of a child's end before it lets us handle a signal that came earlier.
    async fn forget(&mut self, ended: ExitStatus, told: bool) {
        // The runtime hands on what has come when it has its turn.
        tokio::task::yield_now().await;
        if !self.heard() && !told && was_interrupted(ended) {
            // Nothing comes where the child alone was interrupted, as by a key that its question read.
            let _ = tokio::time::timeout(ON_ITS_WAY, self.interrupt.recv()).await;
        }
        self.heard();
    }

    /// Whether Ctrl-C was pressed since this was last asked.
    fn heard(&mut self) -> bool {
        let mut heard = false;
        while self.interrupt.recv().now_or_never().flatten().is_some() {
            heard = true;
        }
        heard
    }
}

/// Runs this very binary with these words; where we are told to end, so is the child, and its end is waited for.
///
/// # Errors
/// Where it can't be started; [`ErrorKind::Interrupted`] where we were told to end meanwhile.
pub async fn run(words: &[String], plain: bool, signals: &mut Signals) -> Result<ExitStatus> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::Refused,
            format!("failed to start shardctl once more: {error}"),
        )
        .because(error)
    };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(words);
    // Lines that it names are typed as this one was.
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    if plain {
        // No live view, no spinner, no question with a moving cursor, no colour, whatever a file says.
        command.envs([("TERM", "dumb"), ("NO_COLOR", "1"), ("SHARDCTL_COLOR", "never")]);
    }
    let mut child = command.spawn().map_err(failed)?;
    let mut told = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            () = signals.end() => {
                told = true;
                if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
                    // It may have ended just now.
                    let _ = kill(Pid::from_raw(id), Kind::SIGTERM);
                }
            }
        }
    };
    signals.forget(status, told).await;
    if told {
        return Err(Error::new(
            ErrorKind::Interrupted,
            format!("told to end; the command {}", end(status).1),
        ));
    }
    Ok(status)
}

fn was_interrupted(ended: ExitStatus) -> bool {
    ended.code() == Some(ExitCode::Interrupted as i32) || ended.signal() == Some(Kind::SIGINT as i32)
}

/// The end of a child, in words.
pub fn end(status: ExitStatus) -> (Tone, String) {
    let Some(code) = status.code() else {
        return (Tone::Bad, format!("was ended from outside ({status})"));
    };
    let known = ExitCode::ALL.iter().find(|(known, _)| *known as i32 == code);
    let (tone, words) = match known {
        Some((ExitCode::Done, words)) => (Tone::Good, *words),
        Some((ExitCode::Interrupted | ExitCode::Refused | ExitCode::Locked, words)) => (Tone::Warn, *words),
        Some((_, words)) => (Tone::Bad, *words),
        None => (Tone::Bad, "a code that shardctl doesn't have"),
    };
    (tone, format!("ended with exit code {code}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn an_end_is_told_in_the_documented_words() {
        let ended = |code: i32| end(ExitStatus::from_raw(code << 8)).1;
        assert_eq!(ended(0), "ended with exit code 0: done, or healthy");
        assert!(ended(5).ends_with("a mark of ours was left behind: run `shardctl recover`"));
        assert!(ended(42).ends_with("a code that shardctl doesn't have"));
        assert!(end(ExitStatus::from_raw(9)).1.starts_with("was ended from outside"));
    }

    // One test: what one of two would press the other would hear.
    #[tokio::test]
    async fn a_ctrl_c_is_the_childs_before_its_end_and_the_menus_after_it() {
        let mut signals = Signals::listen().expect("signals");
        for code in [ExitCode::Done, ExitCode::Interrupted] {
            // It is handled before this returns, and the runtime has had no turn to hand it on: as where the child's end is seen first.
            raise(Kind::SIGINT).expect("a signal");
            signals.forget(ExitStatus::from_raw((code as i32) << 8), false).await;
            tokio::task::yield_now().await;
            assert!(signals.any().now_or_never().is_none(), "{code:?}");
        }
        raise(Kind::SIGINT).expect("a signal");
        signals.any().await;
    }
}
