//! `shardctl rbac`: the Roles that reading takes, as YAML to look through and apply.

use super::Context;
use super::output::print;
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::plan::verify::access::{all_rules, role};

/// Runs it; asks no cluster. The namespace is the configured one, or `default`.
///
/// # Errors
/// Where standard output can't be written.
pub fn run(context: &Context) -> Result<ExitCode> {
    let namespace = context.settings.word("namespace").unwrap_or("default");
    let mut text = format!(
        "# What shardctl reads for verify, status and snapshot in namespace {namespace}. Bind each to whoever runs it:\n\
         #   kubectl create clusterrolebinding shardctl --clusterrole shardctl --user USER\n\
         #   kubectl create rolebinding shardctl -n NAMESPACE --role shardctl --user USER\n\
         # Not in them: get and create on pods/exec, for --dns exec; create on pods/eviction, for --probe-protection.\n"
    );
    for line in role("shardctl", all_rules(namespace).iter()) {
        text.push_str(&line);
        text.push('\n');
    }
    print(&text)?;
    Ok(ExitCode::Done)
}
