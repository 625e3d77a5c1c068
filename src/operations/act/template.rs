//! The set's template: tried by the server, written with its journal in the same request, the journal closed at the end.

use serde_json::Value;

use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::write::json_patch;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::step::TemplateChange;
use crate::operations::means::Run;
use crate::operations::trial::{Candidate, try_template};
use crate::plan::operation::Acted;
use crate::plan::template::same;
use crate::plan::upgrade::patch;

/// Lets the server try the template.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn try_it(run: &Run) -> Result<Acted, Failure> {
    let raw = read(run).await?;
    let candidate = Candidate {
        set: &run.set,
        raw: &raw,
        template: &run.aimed.template,
        change: run.aimed.change.as_ref(),
    };
    let tried = match try_template(run.connection.api(), run.namespace(), candidate).await {
        Ok(tried) => tried,
        Err(failure) => return look_again(failure),
    };
    for finding in tried.notes {
        run.events.emit(Fact::Noted { finding });
    }
    let (allowed, refused): (Vec<Refusal>, Vec<Refusal>) = tried
        .refusals
        .into_iter()
        .partition(|refusal| run.aimed.allowed.covers(refusal));
    for refusal in allowed {
        run.events.emit(Fact::Allowed { refusal });
    }
    if refused.is_empty() {
        Ok(Acted::Done)
    } else {
        Ok(Acted::Refused(refused))
    }
}

/// Writes the template, where it is still the one that the change replaces.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn change(run: &Run, change: &TemplateChange) -> Result<Acted, Failure> {
    let raw = read(run).await?;
    let name = set::name(&run.set);
    let present = raw.pointer("/spec/template").unwrap_or(&Value::Null);
    if same(present, &change.template) && journal_is_ours(run, &raw) {
        return Ok(Acted::Done);
    }
    if !same(present, &change.previous) {
        let mut finding = Finding::new(
            Severity::Error,
            format!("statefulset/{name}"),
            "its template was changed by somebody else since this run read it",
        );
        finding.remedy("look at what it is now, then run the command again");
        return Ok(Acted::Failed(Box::new(finding)));
    }
    let patch = patch::write_template(&raw, change, &run.name, &run.by, run.now());
    match json_patch(run.connection.api(), &run.permit, &path(run), &patch).await {
        Ok(_) => {
            run.events.emit(Fact::Changed {
                object: format!("statefulset/{name}"),
                what: format!("template written: {}", change.what),
            });
            run.announce("TemplateChanged", false, format!("{}: {}", run.name, change.what));
            Ok(Acted::Done)
        }
        Err(failure) if failure.is_conflict() => Ok(Acted::LookAgain),
        Err(Failure::Server {
            code: code @ (400 | 413 | 422),
            message,
            ..
        }) => {
            let mut finding = Finding::new(
                Severity::Error,
                format!("statefulset/{name}"),
                format!("the server refuses the new template ({code})"),
            );
            finding.evidence(message);
            Ok(Acted::Failed(Box::new(finding)))
        }
        Err(failure) => look_again(failure),
    }
}

/// Closes the journal: every shard has come over.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn finish_journal(run: &Run) -> Result<Acted, Failure> {
    let raw = read(run).await?;
    let Some(patch) = patch::finish_journal(&raw, run.now()) else {
        return Ok(Acted::Done);
    };
    match json_patch(run.connection.api(), &run.permit, &path(run), &patch).await {
        Ok(_) => Ok(Acted::Done),
        Err(failure) => look_again(failure),
    }
}

fn journal_is_ours(run: &Run, raw: &Value) -> bool {
    use crate::model::journal::{JOURNAL, Journal};
    let written = raw
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(JOURNAL)?.as_str());
    written
        .and_then(|text| serde_json::from_str::<Journal>(text).ok())
        .is_some_and(|journal| journal.run == run.name)
}

fn path(run: &Run) -> String {
    format!(
        "/apis/apps/v1/namespaces/{}/statefulsets/{}",
        run.namespace(),
        set::name(&run.set)
    )
}

/// The set as the server gives it now, whole.
async fn read(run: &Run) -> Result<Value, Failure> {
    run.connection.api().get(&path(run)).await?.parse()
}
