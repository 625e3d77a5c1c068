//! The exit codes, the same for every command. docs/exit-codes.md explains them to users; a test holds the two equal.

/// What a run of shardctl ended as. The discriminant is the process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or healthy.
    Done = 0,
    /// A check failed, or the operation stopped short of its goal; no mark of ours is left.
    Failed = 1,
    /// The command line or a configuration file can't be followed: an unknown flag, name or key.
    Usage = 2,
    /// Preflight refused: no shard, template or budget was touched.
    Refused = 3,
    /// Blocked or timed out; safe to run again.
    Blocked = 4,
    /// A mark of ours was left behind: `shardctl recover` takes it away.
    MarkLeft = 5,
    /// Somebody else holds the lock.
    Locked = 6,
    /// The cluster can't be reached, or something couldn't be judged.
    Unknown = 7,
    /// A bug in shardctl.
    Bug = 70,
    /// Interrupted by Ctrl-C; marks were put back.
    Interrupted = 130,
}

impl ExitCode {
    /// Every code, in ascending order, with the sentence that the documentation gives it.
    pub const ALL: [(ExitCode, &'static str); 10] = [
        (ExitCode::Done, "done, or healthy"),
        (
            ExitCode::Failed,
            "a check failed, or the operation stopped short of its goal; shards may need attention, no mark of ours is left",
        ),
        (ExitCode::Usage, "usage: an unknown flag, name or configuration key"),
        (
            ExitCode::Refused,
            "preflight refused: no shard, template or budget was touched",
        ),
        (ExitCode::Blocked, "blocked or timed out, safe to rerun"),
        (
            ExitCode::MarkLeft,
            "a mark of ours was left behind: run `shardctl recover`",
        ),
        (ExitCode::Locked, "somebody else holds the lock"),
        (
            ExitCode::Unknown,
            "the cluster can't be reached, or something couldn't be judged",
        ),
        (ExitCode::Bug, "a bug in shardctl"),
        (ExitCode::Interrupted, "interrupted (marks put back)"),
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
