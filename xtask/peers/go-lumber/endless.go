package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// endless sends [0,0,0], [0,0,1] and so on until it is killed. What is not acknowledged when a connection breaks it
// sends again over the next one, however often that takes. It prints `connected HOST:PORT` with each connection, and `durable 0
// EVENTS .` with each acknowledgement: so many of the first events are acknowledged.
func endless(mode string, arguments []string) error {
	flags := flag.NewFlagSet(mode, flag.ExitOnError)
	var s settings
	place := flags.String("addr-file", "", "file with the address of the server, read for each connection; none if it is not there")
	flags.IntVar(&s.window, "window", 100, "events per window")
	flags.IntVar(&s.level, "level", 0, "compression level, 0 for none")
	flags.IntVar(&s.inFlight, "in-flight", 3, "windows in flight, endless-async only")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "network timeout")
	_ = flags.Parse(arguments)
	if *place == "" || s.window < 1 || s.inFlight < 1 {
		return errors.New("-addr-file is needed, -window and -in-flight are 1 at least")
	}
	s.dial = (&net.Dialer{Timeout: s.timeout}).Dial
	attempt := sendSync
	if mode == "endless-async" {
		attempt = sendAsync
	}

	before := 0
	s.acknowledged = func(events int) { fmt.Println("durable 0", before+events, ".") }
	for {
		acked := 0
		address, err := os.ReadFile(*place)
		if err == nil {
			s.address = strings.TrimSpace(string(address))
			acked, err = attempt(&s, numbers(before))
			before += acked
		}
		if err != nil && acked == 0 {
			time.Sleep(pause)
		}
	}
}

// numbers are the events that one connection sends at most.
func numbers(first int) []interface{} {
	events := make([]interface{}, 20_000)
	for i := range events {
		events[i] = []byte(fmt.Sprintf("[0,0,%d]", first+i))
	}
	return events
}
