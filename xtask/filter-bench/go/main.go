// Prints what quamina takes per event, in nanoseconds of the process, and how many matches it finds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"

	"quamina.net/go/quamina/v2"
)

const warm, rounds = 1, 5

func main() {
	events := lines(os.Args[1])
	groups, names := map[string]*quamina.Quamina{}, []string{}
	refused := map[string]error{}
	for _, line := range lines(os.Args[2]) {
		parts := strings.Split(line, "\t")
		group, known := groups[parts[0]]
		if !known {
			created, err := quamina.New()
			check(err)
			group = created
			groups[parts[0]] = group
			names = append(names, parts[0])
		}
		if err := group.AddPattern(parts[1], parts[2]); err != nil {
			refused[parts[0]] = err
		}
	}
	for _, name := range names {
		if refused[name] == nil {
			measure(name, groups[name], events)
		}
	}
}

func measure(name string, group *quamina.Quamina, events []string) {
	var spent []float64
	matches := 0
	for round := -warm; round < rounds; round++ {
		matches = 0
		start := cpu()
		for _, event := range events {
			found, err := group.MatchesForEvent([]byte(event))
			check(err)
			matches += len(found)
		}
		if round >= 0 {
			spent = append(spent, float64(cpu()-start)/float64(len(events)))
		}
	}
	sort.Float64s(spent)
	fmt.Printf("%s\t%.0f\t%d\n", name, spent[0], matches)
}

func cpu() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func lines(path string) []string {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	var all []string
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	check(scanner.Err())
	return all
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
