use bytes::Bytes;
use tradewind_event::{Attribute, json, packed};

#[test]
fn packed_keeps_the_document() {
    let document = br#"{"specversion":"1.0","id":"a","source":"/s","type":"t","x":1,"y":"\u00e9","data":{"a":[1, 2]}}"#;
    let event = json::decode(Bytes::from_static(document)).unwrap();
    let mut out = Vec::new();
    packed::pack(&event, &mut out);
    let back = packed::unpack(out.into()).unwrap();
    assert_eq!(back, event);
    assert_eq!(json::encode(&back), &document[..]);
    let stamped = back
        .with_attribute("tradewindhops", Attribute::Integer(1))
        .unwrap();
    let mut out = Vec::new();
    packed::pack(&stamped, &mut out);
    let back = packed::unpack(out.into()).unwrap();
    assert_eq!(back, stamped);
    let text = json::encode(&back);
    assert_eq!(json::decode(text).unwrap(), stamped);
}
