package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/elastic/go-lumber/lj"
	lumberlog "github.com/elastic/go-lumber/log"
	"github.com/elastic/go-lumber/server"
)

// serve prints `listening HOST:PORT` once it accepts, and `batch EVENTS TOTAL` for each window, before the
// window is acknowledged.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on")
	out := flags.String("out", "", "file that takes the events, one a line; none by default")
	delay := flags.Duration("delay", 0, "how long each window waits for its acknowledgement")
	keepalive := flags.Duration("keepalive", 3*time.Second, "interval of the keepalives while a window waits")
	certificates := flags.String("tls", "", "folder of the certificates to use, and to demand of clients; no TLS by default")
	decoding := flags.String("json", "checked", "of events: checked (decoded and kept as they came), decoded (go-lumber's default), or kept (as they came)")
	quiet := flags.Bool("quiet", false, "print no line for each window")
	verbose := flags.Bool("verbose", false, "show go-lumber's own log on standard error")
	_ = flags.Parse(arguments)
	if !*verbose {
		lumberlog.Logger = silence{}
	}

	var events io.Writer
	if *out != "" {
		file, err := os.OpenFile(*out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer file.Close()
		events = file
	}

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	address := listener.Addr()
	if *certificates != "" {
		if listener, err = withTLS(listener, *certificates); err != nil {
			return err
		}
	}
	options := []server.Option{server.V1(true), server.V2(true), server.Keepalive(*keepalive)}
	switch *decoding {
	case "checked":
		options = append(options, server.JSONDecoder(check))
	case "decoded":
	case "kept":
		options = append(options, server.JSONDecoder(keep))
	default:
		return fmt.Errorf("-json %s: it is checked, decoded or kept", *decoding)
	}
	peer, err := server.NewWithListener(listener, options...)
	if err != nil {
		return err
	}
	defer peer.Close()
	fmt.Println("listening", address)

	total := 0
	for batch := range peer.ReceiveChan() {
		if events != nil {
			if err := write(events, batch); err != nil {
				return err
			}
		}
		total += len(batch.Events)
		if !*quiet {
			fmt.Println("batch", len(batch.Events), total)
		}
		time.Sleep(*delay)
		batch.ACK()
	}
	return nil
}

// payload is an event as it came.
type payload []byte

// check refuses what go-lumber's default decoder refuses.
func check(raw []byte, target interface{}) error {
	var decoded interface{}
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return err
	}
	return keep(raw, target)
}

func keep(raw []byte, target interface{}) error {
	event, known := target.(*interface{})
	if !known {
		return fmt.Errorf("go-lumber decodes into a %T", target)
	}
	*event = append(payload(nil), raw...)
	return nil
}

func write(out io.Writer, batch *lj.Batch) error {
	lines := bufio.NewWriterSize(out, 1<<20)
	for _, event := range batch.Events {
		raw, isBytes := event.(payload)
		if !isBytes { // an event of protocol version 1 is a map
			encoded, err := json.Marshal(event)
			if err != nil {
				return err
			}
			raw = encoded
		}
		if bytes.IndexByte(raw, '\n') >= 0 {
			return fmt.Errorf("an event holds a line feed: %q", raw)
		}
		_, _ = lines.Write(raw)
		_ = lines.WriteByte('\n')
	}
	return lines.Flush()
}

type silence struct{}

func (silence) Printf(string, ...interface{}) {}
func (silence) Println(...interface{})        {}
func (silence) Print(...interface{})          {}
