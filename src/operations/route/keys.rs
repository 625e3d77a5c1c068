//! The keys of a run: whose identity answers tell, found out first, and then every key at every entry.

use std::collections::BTreeMap;

use super::drive::{Job, Progress, drive};
use super::{Test, Tested, jobs};
use crate::error::{Error, Result};
use crate::model::route::ask::Ask;
use crate::model::route::entry::Entry;
use crate::model::route::failure::Failure;
use crate::model::route::outcome::{Comparison, Identities};
use crate::model::set::Ordinal;
use crate::plan::route::calibration::{self, First, MORE, Reply};
use crate::plan::route::identity::Reader;
use crate::plan::route::judge;
use crate::plan::route::matrix::Matrix;
use crate::plan::route::owners::Owners;
use crate::plan::route::request::request;

/// Every key at every entry.
pub(super) async fn over_http(test: &Test<'_>, ask: &Ask, progress: &dyn Fn(Progress)) -> Result<Tested> {
    let asked = test.asked;
    let reader = Reader::new(&asked.identity, &test.name, test.subject.shards.clone())
        .map_err(Error::usage)?
        .expecting(ask.expect.clone());
    let owners_of = |owners| {
        let (namespace, shards) = (&test.subject.namespace, &test.subject.shards);
        Owners::new(namespace, &test.name, asked.words.clone(), shards, owners)
    };
    // A file of something else is refused before it costs a run.
    compare(asked.before.as_ref(), &owners_of(BTreeMap::new()))?;
    let identities = match calibrate(test, ask, &reader).await {
        Ok(identities) => identities,
        Err(why) => return Ok(test.void(why)),
    };
    let keep = reader.keep();
    let entries = &test.doors.entries;
    let mut matrix = Matrix::new(reader, identities, asked.keys.clone(), entries.clone());
    let jobs = jobs(asked.keys.len(), entries.len(), asked.rounds);
    let send = async |job: Job| match (entries.get(job.entry), asked.keys.get(job.key)) {
        (Some(entry), Some(key)) => Some(test.ways.ask(entry, &request(ask, entry, key, &keep)).await),
        _ => None,
    };
    drive(jobs, asked.pace, progress, send, |job, seen| match seen {
        Some(seen) => matrix.take(job.key, job.entry, seen),
        None => matrix.leave_out(job.entry),
    })
    .await;
    let owners = owners_of(matrix.owners());
    let comparison = compare(asked.before.as_ref(), &owners)?;
    Ok(Tested {
        outcome: judge::of_keys(&test.subject, identities, &matrix, comparison),
        owners: Some(owners),
    })
}

fn compare(before: Option<&(String, Owners)>, now: &Owners) -> Result<Option<Comparison>> {
    let Some((place, before)) = before else {
        return Ok(None);
    };
    before.compare(now).map(Some).map_err(|why| {
        Error::usage(format!("{place} can't be compared with this run: {why}"))
            .hint("ask the same of the same set as when it was saved, or save it anew with --save")
    })
}

/// Who answers tell: one key asked of every pod, and some more where that doesn't show it.
async fn calibrate(test: &Test<'_>, ask: &Ask, reader: &Reader) -> Result<Identities, String> {
    let keys = &test.asked.keys;
    let (Some(first), more) = (keys.get(..1), keys.get(1..keys.len().min(MORE + 1))) else {
        return Err("there is no key to ask about".to_owned());
    };
    let mut all = replies(test, ask, reader, first).await;
    let replies_to_one: BTreeMap<Ordinal, Reply> = all
        .iter()
        .filter_map(|(pod, replies)| Some((*pod, replies.first()?.clone())))
        .collect();
    let no_way = |reply: &Reply| matches!(reply, Err(failed) if failed.class == Failure::ApiTunnel);
    let shards = test.subject.shards.len();
    match calibration::first(&replies_to_one, shards) {
        Ok(First::Known(identities)) => return Ok(identities),
        Ok(First::AskMore) => {}
        Err(why) if !replies_to_one.is_empty() && replies_to_one.values().all(no_way) => {
            let rights = test.asked.judging.shardctl("rbac --for route-test");
            let rights = rights.trim_start_matches("$ ");
            return Err(format!(
                "{why}; which rights it takes to open a way into pods: {rights}"
            ));
        }
        Err(why) => return Err(why),
    }
    for (pod, replies) in replies(test, ask, reader, more.unwrap_or_default()).await {
        all.entry(pod).or_default().extend(replies);
    }
    calibration::second(&all, shards).map_err(|why| match keys.len() {
        // A shard may own all of a few keys.
        count if count <= MORE => format!("{why}; to tell takes {} keys, and there were {count}", MORE + 1),
        _ => why,
    })
}

/// What every pod answers about these keys, as politely as everything else is asked.
async fn replies(test: &Test<'_>, ask: &Ask, reader: &Reader, keys: &[String]) -> BTreeMap<Ordinal, Vec<Reply>> {
    let (pods, keep) = (&test.doors.pods, reader.keep());
    let mut found: BTreeMap<Ordinal, Vec<Reply>> = BTreeMap::new();
    let send = async |job: Job| match (pods.get(job.entry), keys.get(job.key)) {
        (Some(pod), Some(key)) => Some(test.ways.ask(pod, &request(ask, pod, key, &keep)).await),
        _ => None,
    };
    let jobs = jobs(keys.len(), pods.len(), 1);
    drive(jobs, test.asked.pace, &|_| {}, send, |job, seen| {
        let pod = pods.get(job.entry).and_then(Entry::ordinal);
        if let (Some(pod), Some(seen)) = (pod, seen) {
            found.entry(pod).or_default().push(reader.told(&seen.result));
        }
    })
    .await;
    found
}
