//! Who asks.

use crate::sink::sink;
use serde_json::json;
use tradewind_aws::testkit::{Answer, SECRET, Wire, attempt, delivery, event, heard, told};

#[tokio::test]
async fn a_role_is_assumed_once_for_many_objects() {
    let credentials = "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                       <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>";
    let answer = format!(
        "<AssumeRoleResponse><AssumeRoleResult>{credentials}</AssumeRoleResult></AssumeRoleResponse>"
    );
    let (sts, sts_asked) = heard(Wire::Query, Answer::Success(answer)).await;
    let (s3, s3_asked) = heard(Wire::Rest, Answer::Success(String::new())).await;
    let role = json!({ "arn": "arn:aws:iam::123456789012:role/archive", "endpoint": sts });
    let keys = json!({ "id": "AKIAOWN", "secret": SECRET });
    let access = json!({ "region": "eu-west-1", "endpoint": s3, "keys": keys, "role": role });
    let sink = sink(&s3, &json!({ "aws": access }));
    for number in 0..10 {
        let id = format!("d-{number}");
        let outcome = attempt(&sink, vec![delivery(&id, event(&id, 1))]).await;
        assert_eq!(told(&outcome[0]), "accepted");
    }
    assert_eq!(s3_asked.lock().unwrap().len(), 10);
    assert_eq!(sts_asked.lock().unwrap().len(), 1);
}
