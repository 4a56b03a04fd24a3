// A go-lumber server and go-lumber clients behind one command line, for `cargo xtask integration`,
// `cargo xtask kills` and `cargo xtask bench`.
//
//	peer server -out FILE            every event as one line in FILE, written before its window is acknowledged
//	peer client-sync -addr HOST:PORT -in FILE
//	peer client-async -addr HOST:PORT -in FILE
//	peer endless-sync -addr-file FILE
//	peer endless-async -addr-file FILE   numbers without end, sent again until they are acknowledged
//	peer certificates FOLDER         makes what `server -tls FOLDER` and its clients need
//	peer version                     the version of go-lumber that this program was built with
//
// Every mode ends when its standard input ends, so that it cannot outlive the process that started it.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
)

const library = "github.com/elastic/go-lumber"

func main() {
	log.SetFlags(log.Lmicroseconds)
	if len(os.Args) < 2 {
		fail("name a mode: server, client-sync, client-async, endless-sync, endless-async, certificates or version")
	}

	mode, arguments := os.Args[1], os.Args[2:]
	var err error
	switch mode {
	case "server":
		go exitWithParent()
		err = serve(arguments)
	case "client-sync", "client-async":
		go exitWithParent()
		err = send(mode, arguments)
	case "endless-sync", "endless-async":
		go exitWithParent()
		err = endless(mode, arguments)
	case "certificates":
		if len(arguments) != 1 {
			fail("certificates: name a folder")
		}
		err = makeCertificates(arguments[0])
	case "version":
		err = printVersion()
	default:
		err = fmt.Errorf("there is no mode %q: server, client-sync, client-async, endless-sync, endless-async, certificates, version", mode)
	}
	if err != nil {
		fail(err.Error())
	}
}

func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

func printVersion() error {
	info, known := debug.ReadBuildInfo()
	if !known {
		return fmt.Errorf("this program was built without module information")
	}
	for _, module := range info.Deps {
		if module.Path == library {
			fmt.Println(module.Version)
			return nil
		}
	}
	return fmt.Errorf("%s is not among the modules of this program", library)
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "go-lumber peer: "+message)
	os.Exit(1)
}
