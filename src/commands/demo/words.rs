//! What the demo says and runs.

/// The line that the demo begins with.
pub const UP: [&str; 8] = [
    "shardctl",
    "deploy",
    "explore",
    "--zones",
    "eastus-1,eastus-2,eastus-3",
    "--sizes",
    "Standard_E16s_v5",
    "--yes",
];
