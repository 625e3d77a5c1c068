//! The same few fields, from protocol buffers. The numbers are those of `k8s.io/api/{core,storage}/v1/generated.proto` and
//! `k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`.
//!
//! What JSON leaves out because it is empty, this form has as empty: both are none here.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{
    Allocatable, Annotations, Condition, CsiNodeMeta, Disks, Driver, MIRROR, NodeMeta, Owner, Phase, PodMeta, Requests,
    ShortContainer, ShortCsiNode, ShortCsiNodeSpec, ShortNode, ShortNodeSpec, ShortNodeStatus, ShortPod, ShortPodSpec,
    ShortTaint, is_looked_at,
};
use crate::cluster::get::binary::{Field, Malformed, Message, Unpack};

/// One more of what is repeated.
fn one_more<T: Unpack>(all: &mut Option<Vec<T>>, field: Field<'_>) -> Result<(), Malformed> {
    all.get_or_insert_default().push(T::unpack(field.message()?)?);
    Ok(())
}

/// An amount, with its name.
fn amount(field: Field<'_>) -> Result<(String, Quantity), Malformed> {
    let (name, amount) = field.entry()?;
    let mut amount = amount.message()?;
    let mut text = String::new();
    while let Some((number, field)) = amount.next()? {
        if number == 1 {
            text = field.text()?.to_owned();
        }
    }
    Ok((name.to_owned(), Quantity(text)))
}

impl Unpack for ShortPod {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut metadata, mut spec, mut status) = (None, None, Phase::default());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => metadata = Some(PodMeta::unpack(field.message()?)?),
                2 => spec = Some(ShortPodSpec::unpack(field.message()?)?),
                3 => status = Phase::unpack(field.message()?)?,
                _ => {}
            }
        }
        Ok(ShortPod {
            metadata: metadata.ok_or(Malformed("a pod without metadata"))?,
            spec: spec.ok_or(Malformed("a pod without a spec"))?,
            status,
        })
    }
}

impl Unpack for PodMeta {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut meta = PodMeta {
            owner_references: None,
            annotations: None,
        };
        while let Some((number, field)) = message.next()? {
            match number {
                12 => {
                    let (key, value) = field.entry()?;
                    if key == MIRROR {
                        let mirror = Some(value.text()?.to_owned());
                        meta.annotations = Some(Annotations { mirror });
                    }
                }
                13 => one_more(&mut meta.owner_references, field)?,
                _ => {}
            }
        }
        Ok(meta)
    }
}

impl Unpack for Owner {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut owner = Owner {
            kind: None,
            uid: None,
            controller: None,
        };
        while let Some((number, field)) = message.next()? {
            match number {
                1 => owner.kind = field.words()?,
                4 => owner.uid = field.words()?,
                6 => owner.controller = Some(field.number()? != 0),
                _ => {}
            }
        }
        Ok(owner)
    }
}

impl Unpack for ShortPodSpec {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut spec = ShortPodSpec {
            node_name: None,
            containers: Vec::new(),
            init_containers: None,
            resources: None,
            overhead: None,
        };
        while let Some((number, field)) = message.next()? {
            match number {
                2 => spec.containers.push(ShortContainer::unpack(field.message()?)?),
                10 => spec.node_name = field.words()?,
                20 => one_more(&mut spec.init_containers, field)?,
                32 => spec.overhead.get_or_insert_default().extend([amount(field)?]),
                40 => spec.resources = Some(Requests::unpack(field.message()?)?),
                _ => {}
            }
        }
        Ok(spec)
    }
}

impl Unpack for ShortContainer {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut resources, mut restart_policy) = (None, None);
        while let Some((number, field)) = message.next()? {
            match number {
                8 => resources = Some(Requests::unpack(field.message()?)?),
                24 => restart_policy = field.words()?,
                _ => {}
            }
        }
        Ok(ShortContainer {
            resources,
            restart_policy,
        })
    }
}

impl Unpack for Requests {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut resources = Requests { requests: None };
        while let Some((number, field)) = message.next()? {
            if number == 2 {
                resources.requests.get_or_insert_default().extend([amount(field)?]);
            }
        }
        Ok(resources)
    }
}

impl Unpack for Phase {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut phase = None;
        while let Some((number, field)) = message.next()? {
            if number == 1 {
                phase = field.words()?;
            }
        }
        Ok(Phase { phase })
    }
}

impl Unpack for ShortNode {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut metadata, mut spec, mut status) = (None, ShortNodeSpec::default(), ShortNodeStatus::default());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => metadata = Some(NodeMeta::unpack(field.message()?)?),
                2 => spec = ShortNodeSpec::unpack(field.message()?)?,
                3 => status = ShortNodeStatus::unpack(field.message()?)?,
                _ => {}
            }
        }
        let metadata = metadata.ok_or(Malformed("a node without metadata"))?;
        Ok(ShortNode { metadata, spec, status })
    }
}

impl Unpack for NodeMeta {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut name = None;
        let mut labels = std::collections::BTreeMap::new();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => name = field.words()?,
                11 => {
                    let (key, value) = field.entry()?;
                    if is_looked_at(key) {
                        labels.insert(key.to_owned(), value.text()?.to_owned());
                    }
                }
                _ => {}
            }
        }
        let name = name.ok_or(Malformed("a node without a name"))?;
        Ok(NodeMeta { name, labels })
    }
}

impl Unpack for ShortNodeSpec {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut spec = ShortNodeSpec::default();
        while let Some((number, field)) = message.next()? {
            match number {
                3 => spec.provider_id = field.words()?,
                4 => spec.unschedulable = (field.number()? != 0).then_some(true),
                5 => one_more(&mut spec.taints, field)?,
                _ => {}
            }
        }
        Ok(spec)
    }
}

impl Unpack for ShortTaint {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut key, mut effect) = (String::new(), String::new());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => key = field.text()?.to_owned(),
                3 => effect = field.text()?.to_owned(),
                _ => {}
            }
        }
        Ok(ShortTaint { key, effect })
    }
}

impl Unpack for ShortNodeStatus {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut status = ShortNodeStatus::default();
        while let Some((number, field)) = message.next()? {
            match number {
                2 => {
                    let all: &mut Allocatable = status.allocatable.get_or_insert_default();
                    let (name, amount) = amount(field)?;
                    match name.as_str() {
                        "cpu" => all.cpu = Some(amount),
                        "memory" => all.memory = Some(amount),
                        "pods" => all.pods = Some(amount),
                        _ => {}
                    }
                }
                4 => one_more(&mut status.conditions, field)?,
                _ => {}
            }
        }
        Ok(status)
    }
}

impl Unpack for Condition {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut kind, mut status) = (String::new(), String::new());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => kind = field.text()?.to_owned(),
                2 => status = field.text()?.to_owned(),
                _ => {}
            }
        }
        Ok(Condition { kind, status })
    }
}

impl Unpack for ShortCsiNode {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut name, mut drivers) = (None, None);
        while let Some((number, field)) = message.next()? {
            let mut inner = match number {
                1 | 2 => field.message()?,
                _ => continue,
            };
            while let Some((of, field)) = inner.next()? {
                match (number, of) {
                    (1, 1) => name = field.words()?,
                    (2, 1) => one_more(&mut drivers, field)?,
                    _ => {}
                }
            }
        }
        let name = name.ok_or(Malformed("a CSINode without a name"))?;
        Ok(ShortCsiNode {
            metadata: CsiNodeMeta { name },
            spec: ShortCsiNodeSpec { drivers },
        })
    }
}

impl Unpack for Driver {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut name, mut allocatable) = (String::new(), None);
        while let Some((number, field)) = message.next()? {
            match number {
                1 => name = field.text()?.to_owned(),
                4 => allocatable = Some(Disks::unpack(field.message()?)?),
                _ => {}
            }
        }
        Ok(Driver { name, allocatable })
    }
}

impl Unpack for Disks {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut count = None;
        while let Some((number, field)) = message.next()? {
            if number == 1 {
                // An int32, which is written as its 64-bit two's complement.
                let text = Malformed("a count of disks that no 32 bits hold");
                count = Some(i32::try_from(field.number()?.cast_signed()).map_err(|_| text)?);
            }
        }
        Ok(Disks { count })
    }
}
