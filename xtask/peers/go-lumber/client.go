package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	lumber "github.com/elastic/go-lumber/client/v2"
)

// settings of one client run.
type settings struct {
	address   string
	window    int
	level     int
	inFlight  int
	timeout   time.Duration
	retryFor  time.Duration
	reencode  bool
	dial      func(network, address string) (net.Conn, error)
	connected bool
	// acknowledged is told with each acknowledgement how many events of a connection, from the first on, have one.
	acknowledged func(events int)
}

// send prints `connected HOST:PORT` with each connection, and at the end `cost CPU`, the seconds of all processors together, and
// `acked EVENTS SECONDS CONNECTIONS`: both run from the first connection attempt to the last acknowledgement.
func send(mode string, arguments []string) error {
	flags := flag.NewFlagSet(mode, flag.ExitOnError)
	var s settings
	flags.StringVar(&s.address, "addr", "", "address of the server")
	in := flags.String("in", "", "file with one JSON document a line")
	flags.IntVar(&s.window, "window", 2048, "events per window")
	flags.IntVar(&s.level, "level", 0, "compression level, 0 for none")
	flags.IntVar(&s.inFlight, "in-flight", 5, "windows in flight, client-async only")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "network timeout")
	flags.DurationVar(&s.retryFor, "retry", 0, "how long to connect again and resend after a failure")
	flags.BoolVar(&s.reencode, "encode", false, "decode the events before the clock starts and let go-lumber encode them")
	authority := flags.String("ca", "", "file with the authority to trust, for TLS; no TLS by default")
	certificates := flags.String("certificates", "", "folder with the certificate to present and its key; none by default")
	_ = flags.Parse(arguments)
	if s.address == "" || *in == "" || s.window < 1 || s.inFlight < 1 {
		return errors.New("-addr and -in are needed, -window and -in-flight are 1 at least")
	}

	events, err := read(*in, s.reencode)
	if err != nil {
		return err
	}
	s.dial = (&net.Dialer{Timeout: s.timeout}).Dial
	if *authority != "" {
		if s.dial, err = dialTLS(*authority, *certificates, s.timeout); err != nil {
			return err
		}
	}
	attempt := sendSync
	if mode == "client-async" {
		attempt = sendAsync
	}

	started, before := time.Now(), cpuTime()
	acked, connections := 0, 0
	for acked < len(events) {
		s.connected = false
		var n int
		n, err = attempt(&s, events[acked:])
		acked += n
		if s.connected {
			connections++
		}
		if err != nil && time.Since(started) > s.retryFor {
			return fmt.Errorf("%d of %d events acknowledged: %w", acked, len(events), err)
		}
		if err != nil && n == 0 {
			time.Sleep(pause)
		}
	}
	fmt.Println("cost", (cpuTime() - before).Seconds())
	fmt.Println("acked", acked, time.Since(started).Seconds(), connections)
	return nil
}

// pause is between two attempts to connect.
const pause = 20 * time.Millisecond

func read(path string, decode bool) ([]interface{}, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	var events []interface{}
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	for lines.Scan() {
		if decode {
			var event map[string]interface{}
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				return nil, err
			}
			events = append(events, event)
		} else {
			events = append(events, append([]byte(nil), lines.Bytes()...))
		}
	}
	return events, lines.Err()
}

func (s *settings) options() []lumber.Option {
	options := []lumber.Option{lumber.CompressionLevel(s.level), lumber.Timeout(s.timeout)}
	if !s.reencode {
		options = append(options, lumber.JSONEncoder(asItIs))
	}
	return options
}

func asItIs(event interface{}) ([]byte, error) {
	raw, isBytes := event.([]byte)
	if !isBytes {
		return nil, fmt.Errorf("an event is a %T", event)
	}
	return raw, nil
}

// sendSync returns how many events, from the first on, were acknowledged.
func sendSync(s *settings, events []interface{}) (int, error) {
	client, err := lumber.SyncDialWith(s.dial, s.address, s.options()...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	s.announce()

	acked := 0
	for acked < len(events) {
		n, err := client.Send(window(events[acked:], s.window))
		acked += n
		s.tell(acked)
		if err != nil {
			return acked, err
		}
	}
	return acked, nil
}

// sendAsync returns how many events, from the first on, were acknowledged.
func sendAsync(s *settings, events []interface{}) (int, error) {
	client, err := lumber.AsyncDialWith(s.dial, s.address, s.inFlight, s.options()...)
	if err != nil {
		return 0, err
	}
	s.announce()

	acked := 0
	var failed error
	// Room for every window: a callback must not block. There is one at a time.
	answers := make(chan struct{}, len(events)/s.window+1)
	answered := func(n uint32, err error) {
		if failed == nil {
			acked += int(n)
			failed = err
			s.tell(acked)
		}
		answers <- struct{}{}
	}
	windows := 0
	for sent := 0; sent < len(events); {
		batch := window(events[sent:], s.window)
		sent += len(batch)
		windows++
		if err := client.Send(answered, batch); err != nil {
			break // its callback has the error
		}
	}
	for ; windows > 0; windows-- {
		<-answers
	}
	_ = client.Close()
	return acked, failed
}

func (s *settings) tell(acked int) {
	if s.acknowledged != nil && acked > 0 {
		s.acknowledged(acked)
	}
}

func (s *settings) announce() {
	s.connected = true
	fmt.Println("connected", s.address)
}

func window(events []interface{}, size int) []interface{} {
	if len(events) < size {
		return events
	}
	return events[:size]
}
