//! The handler attribute of the `tradewind` crate, which re-exports and documents it.

mod handler;

use proc_macro::TokenStream;

/// Makes an async function a handler.
///
/// The function becomes a value of its own name that implements `tradewind::Handler`; a handler with
/// a `State<S>` argument is completed by `.with_state(state)`. Every argument implements
/// `tradewind::FromEvent`, the result `tradewind::IntoOutcome`.
///
/// The name is taken as a constant in its module: a local variable there cannot have it.
///
/// ```ignore
/// #[tradewind::handler]
/// async fn hello(Data(name): Data<String>) {
///     eprintln!("hello {name}");
/// }
/// ```
#[proc_macro_attribute]
pub fn handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
