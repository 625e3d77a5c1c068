//! The user's own commands: before and after a shard, and the gate between shards.

use std::process::Stdio;
use std::time::Duration;

use futures::future::BoxFuture;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::route::Asked;

/// How much of a command's output is kept: its end.
const KEPT: usize = 8 * 1024;
/// How many lines of it are shown.
const LINES: usize = 10;

/// What must be passed between two shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `verify` finds no error, but for what an upgrade half-way makes so.
    Verify,
    /// `route-test` finds each key's one shard from every entry.
    RouteTest(Box<Asked>),
    /// A command ends with 0.
    Exec(String),
}

/// Asks the user whether to go on; `true` is yes.
pub type Ask = Box<dyn Fn(usize) -> BoxFuture<'static, bool> + Send + Sync>;

/// The user's commands, as they were given.
pub struct Tasks {
    /// `--before`.
    pub before: Option<String>,
    /// `--after`.
    pub after: Option<String>,
    /// `--gate`.
    pub gate: Option<Gate>,
    /// How the user is asked after a canary; none where there is nobody to ask.
    pub ask: Option<Ask>,
    /// How long a command may take.
    pub limit: Duration,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Why it failed, a clause; none where it ended with 0.
    pub failed: Option<String>,
    /// The last lines that it wrote.
    pub output: Vec<String>,
}

/// Runs a command in `sh -c`, with these variables besides our own environment.
///
/// It gets a process group of its own, so that a Ctrl-C that stops this run after the shard in hand doesn't stop it, and no
/// standard input. It is killed, with everything that it has started, when the time is up or this run ends at once.
pub async fn shell(command: &str, variables: &[(&str, String)], limit: Duration) -> Ran {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = match shell.spawn() {
        Ok(child) => child,
        Err(error) => {
            return Ran {
                failed: Some(format!("it can't be started: {error}")),
                output: Vec::new(),
            };
        }
    };
    let mut group = Group::of(&child);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (out, err, status) = futures::future::join3(end_of(out), end_of(err), child.wait()).await;
        (out + &err, status)
    };
    match timeout(limit, work).await {
        Err(_) => Ran {
            failed: Some(format!("it took longer than {} s", limit.as_secs())),
            output: Vec::new(),
        },
        Ok((text, status)) => {
            group.ended();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let skipped = lines.len().saturating_sub(LINES);
            Ran {
                failed: match status {
                    Ok(status) if status.success() => None,
                    Ok(status) => Some(format!("it ended with {status}")),
                    Err(error) => Some(format!("it can't be waited for: {error}")),
                },
                output: lines.into_iter().skip(skipped).collect(),
            }
        }
    }
}

/// A command's process group, killed when this is dropped before the command has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.map(Pid::from_raw))
    }

    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Fails only where nobody of it is left.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// The end of what somebody writes, read to its end so that they are never held up.
async fn end_of(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut kept: Vec<u8> = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(piece.get(..read).unwrap_or_default());
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_command_ends_well_or_says_how_it_ended() {
        let ran = shell("exit 0", &[], LONG).await;
        assert_eq!(ran.failed, None);
        let ran = shell(
            "echo one; echo \"$WHO\" >&2; exit 3",
            &[("WHO", "two".to_owned())],
            LONG,
        )
        .await;
        assert_eq!(ran.failed.as_deref(), Some("it ended with exit status: 3"));
        assert_eq!(ran.output, ["one", "two"]);
    }

    #[tokio::test]
    async fn much_output_is_read_and_only_its_end_kept() {
        let ran = shell(
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
            &[],
            LONG,
        )
        .await;
        assert_eq!(ran.failed, None);
        assert_eq!(ran.output.len(), LINES);
        assert_eq!(ran.output.last().map(String::as_str), Some("line 19999"));
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_stopped_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("child");
        let command = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let ran = shell(&command, &[], Duration::from_millis(500)).await;
        assert!(ran.failed.is_some_and(|why| why.contains("longer")));
        let child = std::fs::read_to_string(&file).expect("the child's number");
        let child = Pid::from_raw(child.trim().parse().expect("a number"));
        // Nobody may be there to bury it: then it stays as a zombie, which takes signals and runs no more.
        let runs = || {
            let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            nix::sys::signal::kill(child, None).is_ok() && !state.contains(") Z ")
        };
        let gone = async {
            while runs() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, gone).await.expect("the child ends");
    }

    #[tokio::test]
    async fn a_command_that_never_ends_is_stopped() {
        let ran = shell("sleep 1000", &[], Duration::from_millis(50)).await;
        assert!(ran.failed.is_some_and(|why| why.contains("longer")));
    }
}
