//! One command inside a container: what it wrote, and how it ended.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::refusal::refused;
use crate::error::{Error, ErrorKind};

/// More than any command run here writes; what comes after it is not read.
const OUTPUT_LIMIT: usize = 1 << 20;

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Standard output as far as it came, invalid UTF-8 replaced. The container's words: not to be trusted.
    pub stdout: String,
    /// How it ended.
    pub end: End,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With exit code 0.
    Success,
    /// It could not be started, ended with another code, or the connection was lost; in the words of the kubelet or, after
    /// them, of the command's standard error.
    Failed(String),
    /// It was still running when the time was up.
    TimedOut,
}

/// Runs `command` in a container of `pod` (its only one, or the one named) for at most `limit`.
///
/// Needs an HTTP/1.1 client and the verbs get and create on `pods/exec`. The command isn't stopped when the time is up, only
/// left alone: give it a limit of its own.
///
/// # Errors
/// When the API server doesn't open the stream: no rights, no such pod or container, no answer within `limit`.
pub async fn run(
    client: &kube::Client,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
    command: &[&str],
    limit: Duration,
) -> Result<Ran, Error> {
    let deadline = tokio::time::Instant::now() + limit;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = AttachParams {
        container: container.map(str::to_owned),
        stdin: false,
        stdout: true,
        stderr: true,
        ..AttachParams::default()
    };
    let what = format!(
        "failed to run {} in pod/{pod}",
        command.first().copied().unwrap_or_default()
    );
    let mut process = match tokio::time::timeout_at(deadline, pods.exec(pod, command.iter().copied(), &params)).await {
        Ok(Ok(process)) => process,
        Ok(Err(error)) => return Err(refused(&what, "exec", namespace, error)),
        Err(_) => {
            let message = format!("{what}: no answer from the API server within {} ms", limit.as_millis());
            return Err(Error::new(ErrorKind::Unreachable, message));
        }
    };
    let mut stdout = Vec::new();
    let mut stderr = Vec::new();
    // Outside the timeout, so that what was written before it is kept.
    let ended = tokio::time::timeout_at(deadline, drive(&mut process, &mut stdout, &mut stderr)).await;
    process.abort();
    let end = ended.unwrap_or(End::TimedOut);
    let end = match end {
        End::Failed(words) => End::Failed(with_stderr(words, &stderr)),
        other => other,
    };
    Ok(Ran {
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        end,
    })
}

async fn drive(process: &mut AttachedProcess, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) -> End {
    let (out, err, status) = (process.stdout(), process.stderr(), process.take_status());
    let status = async {
        match status {
            Some(status) => status.await,
            None => None,
        }
    };
    // All three together: a full stderr would hold up stdout.
    let ((), (), status) = tokio::join!(drain(out, stdout), drain(err, stderr), status);
    match status {
        Some(status) if status.status.as_deref() == Some("Success") => End::Success,
        Some(status) => End::Failed(
            status
                .message
                .unwrap_or_else(|| "the kubelet gave no reason".to_owned()),
        ),
        None => End::Failed("the connection was closed before the command had ended".to_owned()),
    }
}

async fn drain(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut buf = [0; 4096];
    // A broken stream shows up in the status, so its error is not a second one.
    while let Ok(length @ 1..) = from.read(&mut buf).await {
        let room = OUTPUT_LIMIT.saturating_sub(into.len());
        into.extend_from_slice(&buf[..length.min(room)]);
    }
}

fn with_stderr(words: String, stderr: &[u8]) -> String {
    match String::from_utf8_lossy(stderr)
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
    {
        Some(line) => format!("{words} ({line})"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_of_standard_error_follow_the_kubelets() {
        assert_eq!(
            with_stderr("exit code 1".into(), b"\n cat: can't open\nmore"),
            "exit code 1 (cat: can't open)"
        );
        assert_eq!(with_stderr("exit code 1".into(), b""), "exit code 1");
    }

    #[tokio::test]
    async fn what_is_too_much_is_read_but_not_kept() {
        let mut kept = Vec::new();
        drain(
            Some(tokio::io::repeat(b'x').take(OUTPUT_LIMIT as u64 + 10_000)),
            &mut kept,
        )
        .await;
        assert_eq!(kept.len(), OUTPUT_LIMIT);
    }
}
