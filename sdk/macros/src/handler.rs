//! `#[handler]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, ItemFn, Result, ReturnType, Type};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(
            attribute,
            "#[handler] takes no arguments",
        ));
    }
    let mut function: ItemFn = syn::parse2(item).map_err(|e| {
        Error::new(
            e.span(),
            format!("#[handler] goes on an async function: {e}"),
        )
    })?;
    let types = check(&function)?;
    let replies = replies(&function.sig.output);

    let name = function.sig.ident.clone();
    let text = name.to_string();
    let text = text.trim_start_matches("r#");
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    // The documentation describes the value; a condition holds for all of it.
    let (outer, inner): (Vec<Attribute>, Vec<Attribute>) = std::mem::take(&mut function.attrs)
        .into_iter()
        .partition(|a| a.path().is_ident("doc") || a.path().is_ident("cfg"));
    let conditions: Vec<&Attribute> = outer.iter().filter(|a| a.path().is_ident("cfg")).collect();
    function.attrs = inner;
    let arguments: Vec<_> = (0..types.len())
        .map(|i| format_ident!("argument_{i}"))
        .collect();

    Ok(quote! {
        #(#outer)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #name;

        #(#conditions)*
        impl #name {
            /// Gives the handler its state.
            #[allow(dead_code, unreachable_pub)]
            pub fn with_state<S>(self, state: S) -> ::tradewind::WithState<Self, S> {
                ::tradewind::WithState::new(self, state)
            }
        }

        #(#conditions)*
        impl<S> ::tradewind::Handler<S> for #name
        where
            #(#types: ::tradewind::FromEvent<S>,)*
        {
            fn call(
                &self,
                delivery: ::tradewind::Delivery,
                state: &S,
            ) -> ::tradewind::BoxFuture<::tradewind::Outcome> {
                #function
                let arguments = || -> ::core::result::Result<_, ::tradewind::Error> {
                    ::core::result::Result::Ok((
                        #(<#types as ::tradewind::FromEvent<S>>::from_event(&delivery, state)?,)*
                    ))
                };
                let arguments = arguments();
                ::std::boxed::Box::pin(async move {
                    match arguments {
                        ::core::result::Result::Ok((#(#arguments,)*)) => {
                            ::tradewind::IntoOutcome::into_outcome(
                                #name(#(#arguments),*).await,
                                &delivery.event,
                                &delivery.context,
                            )
                        }
                        ::core::result::Result::Err(error) => {
                            ::tradewind::IntoOutcome::into_outcome(
                                error,
                                &delivery.event,
                                &delivery.context,
                            )
                        }
                    }
                })
            }
            fn name(&self) -> &str {
                #text
            }
            fn describe(&self) -> ::std::vec::Vec<::tradewind::Description> {
                let takes = [#(<#types as ::tradewind::FromEvent<S>>::TAKES,)*];
                ::std::vec![::tradewind::Description::new(#text).by_types(&takes, #replies)]
            }
        }
    })
}

/// What the result may hold, as far as its type has a name.
fn replies(output: &ReturnType) -> TokenStream {
    match output {
        ReturnType::Default => quote!(<() as ::tradewind::IntoOutcome>::REPLIES),
        ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => {
            quote!(::tradewind::Replies::May)
        }
        ReturnType::Type(_, ty) => quote!(<#ty as ::tradewind::IntoOutcome>::REPLIES),
    }
}

/// The types of the arguments, if this can be a handler.
fn check(function: &ItemFn) -> Result<Vec<Type>> {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(
            signature.fn_token.span,
            "a handler is an async function: write `async fn`",
        ));
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new_spanned(token, "a handler cannot be unsafe"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a handler cannot be extern"));
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a handler cannot be generic: name the types that it takes",
        ));
    }
    if signature.inputs.is_empty() {
        return Err(Error::new(
            signature.paren_token.span.join(),
            "a handler takes at least one argument, for instance `event: tradewind::Event` or \
             `Data(order): tradewind::Data<Order>`",
        ));
    }
    signature.inputs.iter().map(argument).collect()
}

fn argument(argument: &FnArg) -> Result<Type> {
    let typed = match argument {
        FnArg::Receiver(receiver) => {
            return Err(Error::new_spanned(
                receiver,
                "a handler is a free function without `self`; use a `State<S>` argument",
            ));
        }
        FnArg::Typed(typed) => typed,
    };
    match &*typed.ty {
        Type::Reference(ty) => Err(Error::new(
            ty.span(),
            "a handler takes its arguments by value: remove the `&`",
        )),
        Type::ImplTrait(ty) => Err(Error::new(
            ty.span(),
            "a handler names the types of its arguments: `impl Trait` says too little",
        )),
        ty => Ok(ty.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(attribute: TokenStream, item: TokenStream) -> String {
        expand(attribute, item).map_or_else(|e| e.to_string(), |tokens| tokens.to_string())
    }

    #[test]
    fn what_cannot_be_a_handler_is_told_why() {
        for (item, message) in [
            (
                quote!(
                    fn f(e: Event) {}
                ),
                "a handler is an async function: write `async fn`",
            ),
            (
                quote!(
                    async fn f() {}
                ),
                "a handler takes at least one argument, for instance `event: tradewind::Event` or \
                 `Data(order): tradewind::Data<Order>`",
            ),
            (
                quote!(
                    async fn f(&self, e: Event) {}
                ),
                "a handler is a free function without `self`; use a `State<S>` argument",
            ),
            (
                quote!(
                    async fn f(e: &Event) {}
                ),
                "a handler takes its arguments by value: remove the `&`",
            ),
            (
                quote!(
                    async fn f(e: impl Any) {}
                ),
                "a handler names the types of its arguments: `impl Trait` says too little",
            ),
            (
                quote!(
                    async fn f<T>(e: Data<T>) {}
                ),
                "a handler cannot be generic: name the types that it takes",
            ),
            (
                quote!(
                    async fn f(e: Event)
                    where
                        Event: Any,
                    {
                    }
                ),
                "a handler cannot be generic: name the types that it takes",
            ),
            (
                quote!(
                    async unsafe fn f(e: Event) {}
                ),
                "a handler cannot be unsafe",
            ),
            (
                quote!(
                    async extern "C" fn f(e: Event) {}
                ),
                "a handler cannot be extern",
            ),
            (
                quote!(
                    struct F;
                ),
                "#[handler] goes on an async function: expected `fn`",
            ),
        ] {
            assert_eq!(refusal(TokenStream::new(), item), message);
        }
        assert_eq!(
            refusal(
                quote!(retries = 3),
                quote!(
                    async fn f(e: Event) {}
                )
            ),
            "#[handler] takes no arguments"
        );
    }
}
