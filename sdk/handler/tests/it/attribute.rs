//! The attribute leaves the function what it was.

use tradewind::{Ack, Data, Error, Event, Handler, Outcome, Reply, State, testing};

mod elsewhere {
    /// Documented, public, and with attributes of its own.
    #[tradewind::handler]
    #[allow(clippy::needless_return)]
    pub(crate) async fn public(event: tradewind::Event) -> tradewind::Event {
        return event;
    }

    #[cfg(any())]
    #[tradewind::handler]
    async fn conditional(event: NoSuchType) {}
}

#[tradewind::handler]
async fn r#type(_: Event) {}

#[tradewind::handler]
async fn shadow(Data(n): Data<u32>, State(base): State<u32>) -> Result<Reply, Error> {
    // The function may use its own name for a variable.
    let shadow = n.checked_sub(base).ok_or_else(|| Error::reject("less"))?;
    Ok(Reply::event("t2", shadow))
}

#[tradewind::handler]
async fn closure_inside(event: Event) -> Result<Ack, std::num::ParseIntError> {
    let parse = |text: &str| text.parse::<u32>();
    parse(event.id())?;
    Ok(Ack)
}

#[tokio::test]
async fn handlers_have_the_name_of_their_function() {
    assert_eq!(Handler::<()>::name(&elsewhere::public), "public");
    assert_eq!(Handler::<()>::name(&r#type), "type");
    assert_eq!(shadow.with_state(1).name(), "shadow");
}

#[tokio::test]
async fn handlers_run() {
    let event = testing::event("t", 5);
    assert!(matches!(
        testing::call(&elsewhere::public, event.clone()).await,
        Outcome::Reply(_)
    ));
    assert!(matches!(
        testing::call(&r#type, event.clone()).await,
        Outcome::Ack
    ));
    assert!(matches!(
        testing::call(&closure_inside, event.clone()).await,
        Outcome::Retry { .. }
    ));
    let Outcome::Reply(reply) = testing::call(&shadow.with_state(2), event.clone()).await else {
        panic!("no reply");
    };
    assert_eq!(reply.data_json(), Some(3.into()));
    assert_eq!(reply.source(), "/handlers/shadow");
    assert!(matches!(
        testing::call(&shadow.with_state(6), event).await,
        Outcome::Reject { .. }
    ));
}
