// Graphviz's dot, as far as a report needs it: DOT on standard input becomes SVG on standard output.
//
// The library is Graphviz itself, compiled to WebAssembly; its repository has no command that can be pinned as a tool.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-graphviz"
)

// Of the Graphviz in go-graphviz v0.2.10, printed as dot -V prints it.
const version = "dot - graphviz version 12.1.2 (go-graphviz 0.2.10)"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-V" {
		fmt.Fprintln(os.Stderr, version)
		return
	}
	if err := draw(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func draw() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	graph, err := graphviz.ParseBytes(text)
	if err != nil {
		return err
	}
	engine, err := graphviz.New(context.Background())
	if err != nil {
		return err
	}
	return engine.Render(context.Background(), graph, graphviz.SVG, os.Stdout)
}
