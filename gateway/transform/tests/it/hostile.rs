//! Templates and events that want more than they may have.

use super::{order, run};
use serde_json::json;
use tradewind_event::Event;
use tradewind_transform::compile;

#[test]
fn work_and_output_are_bounded() {
    let table = [
        // Nested loops.
        "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        // Huge repetition.
        "{{ 'x' * 999999999 }}",
        "{{ ['x'] * 999999999 }}",
        "{% set x = 'x' * 100000 %}{{ x * 100000 }}",
        "{{ 'x' * 2000000 }}",
        "{{ range(99999) | list | join('xxxxxxxxxxxxxxxxxxxxxx') }}",
        // Doubling.
        "{% set ns = namespace(x='xx') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        // Recursion.
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        // Quadratic filters.
        "{% for a in range(9999) %}{{ range(9999) | list | sort(reverse=true) | unique | list | length }}{% endfor %}",
        "{% for a in range(99999) %}{{ data | tojson | length }}{% endfor %}",
    ];
    for template in table {
        let failed = match compile(&json!({"template": template})) {
            Ok(_) => {
                run(json!({"template": template}), &order())
                    .unwrap_err()
                    .reason
            }
            Err(invalid) => invalid.reason,
        };
        let bounds = [
            "units of work",
            "the output has more than",
            "recursion limit",
            "too large",
        ];
        assert!(
            bounds.iter().any(|b| failed.contains(b)),
            "{template}: {failed}"
        );
    }
}

/// Many templates that are each within their bounds.
#[test]
fn the_work_of_a_step_is_bounded() {
    let dear =
        "{% for a in range(100) %}{% for b in range(999) %}{% endfor %}{% endfor %}{{ event.id }}";
    let set = |count: usize| {
        let names = (0..count).map(|n| (format!("a{n}"), json!(dear)));
        json!({ "set": names.collect::<serde_json::Map<_, _>>() })
    };
    assert!(run(set(1), &order()).is_ok());
    let failed = run(set(20), &order()).unwrap_err();
    assert!(failed.reason.contains("units of work"), "{failed}");
}

/// A placeholder that is there hundreds of times is looked up once in a large event.
#[test]
fn many_placeholders_are_one_look() {
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20));
    let event = Event::builder("1", "/s", "t")
        .data("application/json", large)
        .build()
        .unwrap();
    let template = format!("[{}0]", "<aws.events.rule-arn>,".repeat(300));
    let step = json!({ "input-transformer": { "InputTemplate": template } });
    assert!(run(step, &event).is_ok());
}

/// As long as a template may be, and as long as one that is compiled on the caller's stack.
#[test]
fn deep_templates_are_survived() {
    for len in [1_000, 32_000] {
        let times = |part: &str| part.repeat(len / part.len());
        let table = [
            format!("{{{{ {}1 }}}}", times("(")),
            format!("{{{{ {}1 }}}}", times("[")),
            format!("{{{{ {}1 }}}}", times("-")),
            format!("{{{{ {}1 }}}}", times("not ")),
            format!("{{{{ {}1 }}}}", times("1 if ")),
            times("{% if 1 %}"),
            format!("{{% if 1 %}}{}{{% endif %}}", times("{% elif 1 %}")),
            format!("{{{{ data{} }}}}", times(".a")),
            format!("{{{{ data{} }}}}", times("[1]")),
            format!("{{{{ data{} }}}}", times("()")),
            format!("{{{{ 1{} }}}}", times("+1")),
            format!("{{{{ 1{} }}}}", times("**1")),
            format!("{{{{ 1{} }}}}", times("|abs")),
            format!("{{{{ 1{} }}}}", times(" is odd")),
            format!("{{{{ 1{} }}}}", times(" and 1")),
        ];
        for template in table {
            for definition in [
                json!({"template": template}),
                json!({"set": {"subject": template}}),
            ] {
                // Refused or bounded: the process is still there.
                if let Ok(transform) = compile(&definition) {
                    transform.apply(&order(), &Default::default()).ok();
                }
            }
        }
    }
    assert!(compile(&json!({"template": "x".repeat(33_000)})).is_err());
}

#[test]
fn large_events_are_bounded_too() {
    let list = |n: usize| format!("[{}1]", "1,".repeat(n));
    let event = |data: String| {
        Event::builder("1", "/", "t")
            .data("application/json", data)
            .build()
            .unwrap()
    };
    // One pass over a whole event of the usual largest size is affordable.
    let large = event(list(100_000));
    run(json!({"template": "{{ data | length }}"}), &large).unwrap();
    run(json!({"template": "{{ data }}"}), &large).unwrap();
    let paths: serde_json::Map<_, _> = (0..100)
        .map(|n| (format!("v{n}"), json!(format!("$.detail[{n}]"))))
        .collect();
    let template: Vec<String> = (0..100).map(|n| format!("<v{n}>")).collect();
    let definition = |template: &str| json!({"input-transformer": {"InputPathsMap": paths, "InputTemplate": template}});
    let all = definition(&format!("[{}]", template.join(",")));
    let wide = event(format!(
        "[{}1]",
        format!("\"{}\",", "x".repeat(8 << 10)).repeat(100)
    ));
    let failed = run(all, &wide).unwrap_err().to_string();
    assert!(failed.contains("look through more than 64 MiB"), "{failed}");
    let big = event(list(600_000));
    let failed = run(json!({"input-path": "$"}), &big)
        .unwrap_err()
        .to_string();
    assert!(failed.contains("more than 1024 KiB"), "{failed}");
    // The same value many times.
    let twice = format!("[{}]", vec!["<v0>"; 1000].join(","));
    let deep = event(format!("[\"{}\"]", "x".repeat(100_000)));
    let failed = run(definition(&twice), &deep).unwrap_err().to_string();
    assert!(failed.contains("more than 1024 KiB"), "{failed}");
    // Nesting.
    let nested = event(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let failed = run(json!({"template": "{{ data }}"}), &nested).unwrap_err();
    assert!(failed.reason.contains("recursion limit"), "{failed}");
    // Nothing goes down there.
    let same = run(json!({"input-path": "$.detail"}), &nested).unwrap();
    assert!(same.data() == nested.data());
}
