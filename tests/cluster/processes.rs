//! The processes of one plane: started with a log file each, signalled by name, and gone with the test process,
//! however that ends. A watchdog (`/bin/sh`, in a process group of its own) reads from a pipe which processes there
//! are; when the pipe closes, it kills them and removes the plane's folder. A dying parent closes its pipes even when
//! it is killed outright; PR_SET_PDEATHSIG would not do: it follows the *thread* that spawned the child.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

/// What the watchdog runs. A line is a process (group) to kill at the end, or `-PID` for one that was reaped already.
const WATCHDOG: &str = r#"
pids=" "
while read -r line; do
  case "$line" in
    -*) before="${pids%% ${line#-} *}"; after="${pids#* ${line#-} }"; pids="$before $after" ;;
    *) pids="$pids$line " ;;
  esac
done
for pid in $pids; do kill -KILL "-$pid" "$pid"; done 2>/dev/null
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
"#;

/// The running processes of one plane.
pub struct Processes {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    children: BTreeMap<String, Child>,
    watchdog: Child,
    pipe: Option<ChildStdin>,
}

impl Processes {
    /// No process yet, but the watchdog over `folder`, which it removes at the end.
    pub fn new(folder: &Path) -> Self {
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("start the watchdog of the test cluster");
        let pipe = watchdog.stdin.take();
        let inner = Inner {
            children: BTreeMap::new(),
            watchdog,
            pipe,
        };
        Self {
            folder: folder.to_owned(),
            inner: Mutex::new(inner),
        }
    }

    /// Starts `command` under `name`, with output into `NAME.log`, in a process group of its own (Ctrl-C in the
    /// terminal must reach the test process only: the watchdog ends the others in one go).
    pub fn spawn(&self, name: &str, command: &mut Command) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path(name))
            .expect("a log file");
        let child = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log file"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("start {:?} for the test cluster: {e}", command.get_program()));
        let mut inner = self.lock();
        inner.tell(&child.id().to_string());
        assert!(
            inner.children.insert(name.to_owned(), child).is_none(),
            "{name} runs already"
        );
    }

    /// Where the output of `name` goes.
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The last lines that `name` wrote.
    pub fn log_tail(&self, name: &str, lines: usize) -> String {
        let text = std::fs::read(self.log_path(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// The name of a process that ended by itself, if any did.
    pub fn ended(&self) -> Option<String> {
        let mut inner = self.lock();
        let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
        inner
            .children
            .iter_mut()
            .find_map(|(name, child)| ended(child).then(|| name.clone()))
    }

    /// Sends `signal` ("STOP", "CONT", "TERM") to the process `name`.
    pub fn signal(&self, name: &str, signal: &str) {
        let inner = self.lock();
        let pid = inner
            .children
            .get(name)
            .unwrap_or_else(|| panic!("no process {name}"))
            .id();
        // The child was not reaped, so the id is still its own.
        let sent = Command::new("/bin/sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "send SIG{signal} to {name} (process {pid})"
        );
    }

    /// Kills `name` and forgets it, so that it can be started again.
    pub fn kill(&self, name: &str) {
        let mut inner = self.lock();
        let mut child = inner
            .children
            .remove(name)
            .unwrap_or_else(|| panic!("no process {name}"));
        let pid = child.id();
        // Nothing to do when it has ended already.
        let _ = child.kill();
        inner.tell(&format!("-{pid}"));
        let _ = child.wait();
    }

    /// The process ids, for tests of the watchdog.
    pub fn ids(&self) -> Vec<u32> {
        let inner = self.lock();
        inner
            .children
            .values()
            .map(Child::id)
            .chain([inner.watchdog.id()])
            .collect()
    }

    /// Kills everything, removes the folder, and waits until both are done.
    pub fn end(&self) {
        let mut inner = self.lock();
        drop(inner.pipe.take());
        let _ = inner.watchdog.wait();
        for child in inner.children.values_mut() {
            let _ = child.wait();
        }
        inner.children.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic of one test must not hide the processes from the others.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&mut self, line: &str) {
        let pipe = self
            .pipe
            .as_mut()
            .expect("the watchdog's pipe is open while processes start");
        writeln!(pipe, "{line}").expect("tell the watchdog");
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port of 127.0.0.1 that is free now. Below the range that the system hands to outgoing connections (from 32768),
/// so that it doesn't vanish between here and the process that will listen on it.
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, Hasher};
    for _ in 0..1000 {
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let port = 20_000 + (random % 10_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 30000");
}
