//! Who owns what: the consumer group of a stream, as its coordinator tells of it.

use crate::cluster::Cluster;
use bytes::{Buf, Bytes};
use rdkafka::consumer::Consumer;
use std::collections::BTreeMap;
use std::time::Duration;
use tradewind_store::{Error, Shard};

/// How long the coordinator may take to tell, and how long it is asked.
const ANSWER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(5);

/// What the members of a stream's group call themselves, by the shards that each has.
pub(crate) async fn owners(
    cluster: &Cluster,
    topic: &str,
) -> Result<BTreeMap<Shard, String>, Error> {
    let mut owners = BTreeMap::new();
    for (node, assigned) in group(cluster, topic).await? {
        let shards = shards(assigned, topic).unwrap_or_default();
        owners.extend(shards.into_iter().map(|shard| (shard, node.clone())));
    }
    Ok(owners)
}

/// What the members of a stream's group call themselves, whether or not they have a shard.
pub(crate) async fn members(cluster: &Cluster, topic: &str) -> Result<Vec<String>, Error> {
    let members = group(cluster, topic).await?.into_iter();
    Ok(members.map(|(node, _)| node).collect())
}

/// Members of a stream's group, with what each is assigned.
async fn group(cluster: &Cluster, topic: &str) -> Result<Vec<(String, Bytes)>, Error> {
    let group = topic.to_owned();
    let members = cluster.ask("look at a group", move |asker| {
        let groups = asker.fetch_group_list(Some(&group), ANSWER)?;
        let members = groups.groups().iter().flat_map(|group| group.members());
        let members = members.map(|member| {
            let assigned = member.assignment().unwrap_or_default();
            (
                member.client_id().to_owned(),
                Bytes::copy_from_slice(assigned),
            )
        });
        Ok(members.collect::<Vec<_>>())
    });
    let told = tokio::time::timeout(PATIENCE, members).await;
    told.map_err(|_| Error::Away("the coordinator of the group does not answer".into()))?
}

/// The partitions of a topic in an assignment as the protocol of consumers has it; `None` for what is none.
fn shards(mut from: Bytes, topic: &str) -> Option<Vec<Shard>> {
    let _version = from.try_get_i16().ok()?;
    let topics = from.try_get_i32().ok()?;
    let mut shards = Vec::new();
    for _ in 0..topics {
        let length = usize::try_from(from.try_get_i16().ok()?).ok()?;
        if length > from.remaining() {
            return None;
        }
        let name = from.split_to(length);
        let partitions = from.try_get_i32().ok()?;
        for _ in 0..partitions {
            let partition = from.try_get_i32().ok()?;
            if *name == *topic.as_bytes() {
                shards.push(Shard::try_from(partition).ok()?);
            }
        }
    }
    Some(shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};

    #[test]
    fn an_assignment_names_partitions_by_topic() {
        let mut out = BytesMut::new();
        out.put_i16(1);
        out.put_i32(2);
        for (topic, partitions) in [("other", &[7][..]), ("orders", &[0, 2][..])] {
            out.put_i16(topic.len() as i16);
            out.put_slice(topic.as_bytes());
            out.put_i32(partitions.len() as i32);
            partitions
                .iter()
                .for_each(|partition| out.put_i32(*partition));
        }
        out.put_i32(-1);
        let whole = out.freeze();
        assert_eq!(shards(whole.clone(), "orders"), Some(vec![0, 2]));
        assert_eq!(shards(whole.clone(), "absent"), Some(vec![]));
        for cut in 0..whole.len() - 4 {
            assert_eq!(shards(whole.slice(..cut), "orders"), None, "{cut}");
        }
        // A member that has nothing yet.
        assert_eq!(shards(Bytes::new(), "orders"), None);
    }
}
