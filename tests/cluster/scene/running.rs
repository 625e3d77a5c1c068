//! A shardctl that runs while the test goes on: signalled, waited for, and killed when dropped.

use crate::cluster::wait::{DEADLINE, wait_near};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a command may take to its end.
const END: Duration = Duration::from_secs(180);

/// A process under way. What it writes is read all the time, so that it never blocks on a full pipe.
pub struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// How a process ended, and all that it wrote.
#[derive(Debug)]
pub struct Output {
    /// The exit code; None when a signal ended it.
    pub code: Option<i32>,
    /// All of its stdout.
    pub stdout: String,
    /// All of its stderr.
    pub stderr: String,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start shardctl");
        let stdout = Stream::read(child.stdout.take().expect("a pipe from stdout"));
        let stderr = Stream::read(child.stderr.take().expect("a pipe from stderr"));
        Self { child, stdout, stderr }
    }

    /// Ends it outright (SIGKILL), and waits until it is gone.
    #[track_caller]
    pub fn kill(mut self) -> Output {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        self.end()
    }

    /// What Ctrl-C does (SIGINT).
    #[track_caller]
    pub fn interrupt(&mut self) {
        self.signal(Signal::SIGINT);
    }

    /// What a cancelled pipeline or a node that is drained does (SIGTERM).
    #[track_caller]
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// What Ctrl-Z or the lid of a laptop does (SIGSTOP): it stands still until it is resumed.
    #[track_caller]
    pub fn suspend(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on (SIGCONT).
    #[track_caller]
    pub fn resume(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    #[track_caller]
    fn signal(&mut self, signal: Signal) {
        // Once it has been asked for its end, its id may be another's.
        assert!(self.runs(), "shardctl ended before its {signal}:\n{}", self.said());
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(process, signal).expect("signal shardctl");
    }

    /// Waits until it ends by itself, for three minutes at most.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        self.end()
    }

    /// True as long as it runs.
    pub fn runs(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Waits until it has written `text`, to stdout or to stderr. Fails when it ends without.
    #[track_caller]
    pub fn wait_for_output(&mut self, text: &str) {
        self.wait_until(&format!("shardctl says {text:?}"), |said| said.contains(text));
    }

    /// Waits until what it has written so far, to stdout and to stderr, is as wanted. Fails when it ends before.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        wait_near(what, DEADLINE, || {
            // Asked first: what it wrote before its end has to be read after that.
            let ended = self.ended();
            if ended.is_some() {
                self.stdout.finish();
                self.stderr.finish();
            }
            let said = self.said();
            if holds(&said) {
                return Ok(());
            }
            assert!(ended.is_none(), "shardctl ended before {what}: {ended:?}\n{said}");
            Err(said)
        });
    }

    #[track_caller]
    fn end(&mut self) -> Output {
        let status = wait_near("shardctl ends", END, || self.ended().ok_or_else(|| self.said()));
        Output {
            code: status.code(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("ask for shardctl's end")
    }

    /// What it has written so far, to stdout and to stderr.
    pub fn said(&self) -> String {
        format!("stdout:\n{}\nstderr:\n{}", self.stdout.text(), self.stderr.text())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the streams that a process writes, read by a thread of its own.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let all = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                all.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&piece[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    /// What has come so far.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All of it, once the process has ended.
    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("read what shardctl wrote");
        }
        self.text()
    }
}
