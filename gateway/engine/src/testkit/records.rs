//! Records from bytes that nobody wrote.

use crate::Origin;
use crate::record::{
    Answer, Buried, Differing, Envelope, Final, Generation, InForce, LaneRecord, Pendant, Stops,
    Stored, Tally, accepted,
};
use bytes::Bytes;
use tradewind_store::Position;

/// Reads bytes as a record of each kind that the engine writes: how many kinds took them. What was
/// taken and written again reads as the same.
///
/// # Panics
/// Where that does not hold.
pub fn read_as_every_record(bytes: &Bytes) -> usize {
    let mut taken = 0;
    macro_rules! survives {
        ($($kind:ty),*) => {$(
            if let Ok(first) = <$kind>::decode(bytes) {
                taken += 1;
                match <$kind>::decode(&first.encode()) {
                    Ok(second) if second == first => {}
                    other => panic!("{first:?} became {other:?}"),
                }
            }
        )*};
    }
    survives!(LaneRecord, Generation, InForce, Stops, Tally, Differing);
    // Old details are cut when they are written again, so that the third reading is the second.
    macro_rules! settles {
        ($($kind:ty),*) => {$(
            if let Ok(first) = <$kind>::decode(bytes) {
                taken += 1;
                let second = <$kind>::decode(&first.encode());
                let third = second.as_ref().map(|second| <$kind>::decode(&second.encode()));
                if !matches!((&second, &third), (Ok(second), Ok(Ok(third))) if second == third) {
                    panic!("{first:?} became {second:?} and {third:?}");
                }
            }
        )*};
    }
    settles!(Pendant, Buried, Answer);
    taken += usize::from(Final::decode(bytes).is_ok());
    if let Ok((envelope, event)) = Envelope::decode(bytes) {
        taken += 1;
        let origin = Origin {
            who: tradewind_policy::Principal::operator(),
            source: envelope.source().into(),
            principal: envelope.principal().into(),
            dedupe_window: None,
        };
        let (payload, unpacked) =
            Envelope::pack(envelope.space(), &origin, None, envelope.hops, &event);
        let as_it_was = (envelope, event);
        match Envelope::decode(&payload) {
            Ok(again) if again == as_it_was && unpacked == as_it_was => {}
            other => panic!("an envelope became {other:?} and {unpacked:?}"),
        }
    }
    if let Ok(first) = accepted::decode(bytes) {
        taken += 1;
        match accepted::decode(&accepted::encode(&first)) {
            Ok(second) if second == first => {}
            other => panic!("{first:?} became {other:?}"),
        }
    }
    let at = Position {
        shard: 0,
        offset: 0,
    };
    taken + usize::from(Stored::kept(at, bytes).is_ok())
}
